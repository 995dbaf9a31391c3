#include "workers/console/server.hpp"

#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <charconv>
#include <optional>
#include <thread>

#include "schemas/text.hpp"
#include "workers/console/answers.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::console {
namespace {

using namespace std::chrono_literals;
using runtime::HttpAnswer;

// "host:port", or nullopt.
std::optional<std::pair<std::string, int>> parse_listen(const std::string& listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  const char* const end = listen.data() + listen.size();
  int port = -1;
  const auto [rest, error] = std::from_chars(listen.data() + colon + 1, end, port);
  if (error != std::errc{} || rest != end || port < 0 || port > 65'535) return std::nullopt;
  return std::pair{listen.substr(0, colon), port};
}

}  // namespace

struct Server::Impl {
  Impl(Api& its_api, runtime::Metrics& its_metrics, runtime::Health& its_health)
      : api(its_api), metrics(its_metrics), health(its_health) {}

  Api& api;
  runtime::Metrics& metrics;
  runtime::Health& health;
  std::atomic<int> open_logs{0};
  std::atomic<bool> stopping{false};
  httplib::Server server;
  int port = 0;
  std::thread thread;

  Reply route(const httplib::Request& request) {
    if (request.path == "/healthz") {
      const bool alive = health.alive();
      return {{alive ? 200 : 503, alive ? R"({"alive":true})" : R"({"alive":false})"}, {}};
    }
    if (request.path == "/readyz")
      return {{health.ready() ? 200 : 503, health.readiness_json()}, {}};
    if (request.path == "/metrics")
      return {{200, metrics.render(), "text/plain; version=0.0.4; charset=utf-8"}, {}};
    runtime::HttpQuery query{request.method, request.path, {}, request.body};
    // Of a POST request.params may be the body, taken for a form.
    httplib::Params params;
    if (const auto mark = request.target.find('?'); mark != std::string::npos)
      httplib::detail::parse_query_text(request.target.substr(mark + 1), params);
    for (const auto& [name, value] : params) query.params.emplace(name, value);
    return api.handle(query);
  }

  void serve(const httplib::Request& request, httplib::Response& response) {
    const auto begin = std::chrono::steady_clock::now();
    Reply reply;
    try {
      reply = route(request);
    } catch (const std::exception& exception) {
      SPDLOG_ERROR("{} {}: {}", request.method, request.path, exception.what());
      reply = {
          error_answer({ErrorKind::fatal, "this is a defect of the console; its log says more"}),
          {}};
    }
    if (reply.log && !send_log(std::move(reply.log), response)) {
      reply.answer = error_answer(
          {ErrorKind::unavailable, std::to_string(max_logs) +
                                       " logs are being read already, which is the most at a "
                                       "time: try again when one of them is done"});
    }
    if (!response.is_chunked_content_provider_) {
      response.status = reply.answer.status;
      response.set_content(reply.answer.body, reply.answer.content_type);
    }
    metrics
        .counter("oppen_console_requests_total", "Requests answered, by status.",
                 {{"status", std::to_string(reply.answer.status)}})
        .add();
    metrics
        .histogram("oppen_console_request_seconds",
                   "Time until a request was answered (a log: until it began).")
        .observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }

  // False when there are too many already.
  bool send_log(std::shared_ptr<LogStream> log, httplib::Response& response) {
    if (open_logs.fetch_add(1) >= max_logs) {
      --open_logs;
      return false;
    }
    response.status = 200;
    response.set_chunked_content_provider(
        "text/plain; charset=utf-8",
        [this, log = std::move(log), piece = std::string()](std::size_t,
                                                            httplib::DataSink& sink) mutable {
          switch (log->next(piece, 500ms)) {
            case LogStream::Read::data:
              return sink.write(piece.data(), piece.size());
            case LogStream::Read::quiet:
              return !stopping && sink.is_writable();  // has the reader gone?
            case LogStream::Read::end:
              sink.done();
              return true;
          }
          return false;
        },
        [this](bool) { --open_logs; });
    return true;
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Server>> Server::start(const std::string& listen, Api& api,
                                              runtime::Metrics& metrics, runtime::Health& health) {
  const auto address = parse_listen(listen);
  if (!address) {
    return fail(ErrorKind::fatal, "the address to listen at is \"" + listen +
                                      "\": expected host:port (OPPEN_LISTEN)");
  }
  auto impl = std::make_unique<Impl>(api, metrics, health);
  httplib::Server& server = impl->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(server_threads); };
  server.set_read_timeout(5s);
  server.set_write_timeout(30s);            // a reader of a log who has stopped reading
  server.set_keep_alive_max_count(1);       // an idle connection would hold a thread
  server.set_payload_max_length(32 << 20);  // of a batch to simulate
  // Not the library's default, which lets a second process share the port unnoticed.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.set_pre_routing_handler(
      [raw = impl.get()](const httplib::Request& request, httplib::Response& response) {
        if (request.method != "GET" && request.method != "HEAD")
          return httplib::Server::HandlerResponse::Unhandled;
        raw->serve(request, response);
        return httplib::Server::HandlerResponse::Handled;
      });
  for (const char* const path : {simulate_path, simulate_policy_path, compare_path}) {
    server.Post(path,
                [raw = impl.get()](const httplib::Request& request, httplib::Response& response) {
                  raw->serve(request, response);
                });
  }
  server.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
    if (!response.body.empty()) return;
    const HttpAnswer answer =
        response.status == 413
            ? bad_request("", "the body is too large: expected at most 32 MiB of application/json")
            : not_found("there is no " + request.method + " " + shortened(request.path) +
                        ": the console only answers questions (GET, and POST " + simulate_path +
                        ", " + simulate_policy_path + " and " + compare_path + ")");
    response.set_content(answer.body, answer.content_type);
  });
  impl->port = address->second == 0 ? server.bind_to_any_port(address->first)
               : server.bind_to_port(address->first, address->second) ? address->second
                                                                      : -1;
  if (impl->port <= 0) {
    return fail(ErrorKind::fatal,
                "can't listen at " + listen +
                    ": is the port taken, or the host not of this machine? (OPPEN_LISTEN)");
  }
  impl->thread = std::thread([&server] { server.listen_after_bind(); });
  // stop() does nothing before the loop runs, and the destructor would then wait for ever.
  while (!server.is_running()) std::this_thread::yield();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server() {
  impl_->stopping = true;
  impl_->server.stop();
  impl_->thread.join();
}

int Server::port() const { return impl_->port; }

}  // namespace oppen::console
