#pragma once
// A DCGM exporter's place: serves one text at /metrics.
#include <httplib.h>

#include <string>
#include <thread>

#include "tests/support/httplib_statics.hpp"

namespace oppen::telemetry {

class MetricsServer {
 public:
  explicit MetricsServer(const std::string& text, int status = 200) {
    server_.Get("/metrics", [text, status](const httplib::Request&, httplib::Response& response) {
      response.status = status;
      response.set_content(text, "text/plain; version=0.0.4");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // before that it can't be stopped
  }
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  ~MetricsServer() {
    server_.stop();
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/metrics"; }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace oppen::telemetry
