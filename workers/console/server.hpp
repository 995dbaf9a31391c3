#pragma once
// The console's HTTP server: the query API, and /metrics, /healthz and /readyz as every worker has
// them. Threads of its own; a log that is followed holds one, so there are at most `max_logs` of
// those.
#include <memory>
#include <string>

#include "schemas/error.hpp"
#include "workers/console/api.hpp"
#include "workers/runtime/health_server.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::console {

inline constexpr int server_threads = 16;
inline constexpr int max_logs = 8;

class Server {
 public:
  // `listen`: "host:port" (port 0: any free one). What is given must outlive the server. Errors:
  // fatal when the address can't be bound, naming it and its setting.
  static Result<std::unique_ptr<Server>> start(const std::string& listen, Api& api,
                                               runtime::Metrics& metrics, runtime::Health& health);
  ~Server();  // ends the open logs, stops and joins
  int port() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::console
