#pragma once
// The HTTP server of a worker: /metrics, /healthz, /readyz and what the worker adds. Runs on eight
// threads of its own (cpp-httplib); handlers are called on them, so what they read must be
// thread-safe, and as many at once must not wait as would keep the three paths from answering. A
// body is at most 32 MiB.
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "schemas/error.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::runtime {

// Whether the main loop moves and the dependencies answer. Any thread.
class Health {
 public:
  Health();
  ~Health();
  // The loop calls this at each turn; /healthz fails when the last beat is older than `stall_after`
  // (30 s).
  void beat();
  // What /readyz says of one dependency ("kafka", "redis", "kubernetes"): ok, or the sentence that
  // says why not.
  void set(const std::string& dependency, const Status& status);
  bool alive() const;
  // Ready when every dependency that was ever set is ok. JSON:
  // {"ready":bool,"dependencies":{"kafka":"ok",...}}
  bool ready() const;
  std::string readiness_json() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct HttpQuery {
  std::string method;
  std::string path;
  std::map<std::string, std::string> params;  // query string and path parameters
  std::string_view body;                      // borrowed for the call
};
struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
};
using HttpHandler = std::function<HttpAnswer(const HttpQuery&)>;

class HealthServer {
 public:
  // `listen`: "host:port" (port 0: any free one). Errors: fatal when it can't be bound, naming
  // address and setting.
  static Result<std::unique_ptr<HealthServer>> start(
      const std::string& listen, Metrics& metrics, Health& health,
      std::map<std::string, HttpHandler> get_handlers = {},
      std::map<std::string, HttpHandler> post_handlers = {});
  ~HealthServer();  // stops and joins
  int port() const;

 private:
  struct Impl;
  explicit HealthServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::runtime
