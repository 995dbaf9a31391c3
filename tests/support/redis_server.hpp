#pragma once
// A real redis-server of the test's own, on a free port in a temporary folder. Owns the process.
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace oppen::runtime {

class RedisServer {
 public:
  // Options as on redis-server's command line: {"--requirepass", "x"}.
  explicit RedisServer(std::vector<std::string> options = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void start();  // again at the same port; waits until it listens
  void kill();   // as if the power failed
  void pause(bool paused);

  int port() const { return port_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

 private:
  void spawn();
  bool comes_up();  // false: it has ended

  std::vector<std::string> options_;
  std::filesystem::path folder_;
  int port_ = 0;
  pid_t process_ = -1;
};

}  // namespace oppen::runtime
