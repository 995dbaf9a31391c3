#pragma once
// The parts of a Redis URL. Private to this folder.
#include <string>

#include "schemas/error.hpp"

namespace oppen::runtime {

struct RedisUrl {
  std::string host;
  int port = 6379;
  int database = 0;
  std::string user;  // "" : the default user
  std::string password;

  std::string address() const { return host + ":" + std::to_string(port); }
};

// "redis://[user:password@]host[:port][/db]"; user and password may be percent-encoded. No error
// shows the password.
Result<RedisUrl> parse_redis_url(const std::string& url);

}  // namespace oppen::runtime
