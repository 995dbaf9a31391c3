#pragma once
// A redis-server of the test's own, without persistence, on a free port. Ends with this object.
#include <sys/types.h>

#include <string>

namespace oppen::console {

class RedisProcess {
 public:
  RedisProcess();
  ~RedisProcess();
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;

  std::string url() const;
  void kill();

 private:
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace oppen::console
