#include "workers/runtime/health_server.hpp"

#include <httplib.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <thread>
#include <utility>
#include <vector>

namespace oppen::runtime {
namespace {

constexpr std::size_t threads = 8;
constexpr std::size_t max_body = 32u << 20;
constexpr std::chrono::seconds io_timeout{5};

HttpAnswer error_answer(int status, const std::string& message) {
  return {status, nlohmann::json{{"error", message}}.dump(
                      -1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

// "/api/v1/jobs/:id" as a regular expression and the names in it, in order.
struct Route {
  std::string pattern;
  std::vector<std::string> names;
};

Route to_route(const std::string& path) {
  Route route;
  for (std::size_t i = 0; i < path.size();) {
    if (path[i] == ':' && i > 0 && path[i - 1] == '/') {
      const auto end = std::min(path.find('/', i), path.size());
      route.names.push_back(path.substr(i + 1, end - i - 1));
      route.pattern += "([^/]+)";
      i = end;
      continue;
    }
    if (std::string_view(".+*?^$()[]{}|\\").find(path[i]) != std::string_view::npos)
      route.pattern += '\\';
    route.pattern += path[i++];
  }
  return route;
}

httplib::Server::Handler to_handler(const std::vector<std::string>& names, HttpHandler handler) {
  return [names, handler = std::move(handler)](const httplib::Request& request,
                                               httplib::Response& response) {
    HttpQuery query{request.method, request.path, {}, request.body};
    for (const auto& [name, value] : request.params) query.params.emplace(name, value);
    for (std::size_t i = 0; i < names.size(); ++i) query.params[names[i]] = request.matches[i + 1];
    HttpAnswer answer;
    try {
      answer = handler(query);
    } catch (const std::exception& e) {
      spdlog::error("answering {} {} failed: {}", query.method, query.path, e.what());
      answer = error_answer(500, "internal error: see the log of this program");
    }
    response.status = answer.status;
    response.body = std::move(answer.body);  // set_content would copy it
    response.set_header("Content-Type", answer.content_type);
  };
}

struct Address {
  std::string host;
  int port = 0;
};

std::optional<Address> parse_listen(const std::string& listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  Address address{listen.substr(0, colon), -1};
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  if (address.host.empty()) address.host = "0.0.0.0";
  const auto* end = listen.data() + listen.size();
  const auto [rest, code] = std::from_chars(listen.data() + colon + 1, end, address.port);
  if (code != std::errc{} || rest != end || address.port < 0 || address.port > 65'535)
    return std::nullopt;
  return address;
}

}  // namespace

struct HealthServer::Impl {
  httplib::Server server;
  int port = 0;
  std::thread thread;
};

HealthServer::HealthServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<HealthServer>> HealthServer::start(
    const std::string& listen, Metrics& metrics, Health& health,
    std::map<std::string, HttpHandler> get_handlers,
    std::map<std::string, HttpHandler> post_handlers) {
  const auto address = parse_listen(listen);
  if (!address) {
    return fail(ErrorKind::fatal, "the address to listen at is \"" + listen +
                                      "\": expected host:port (OPPEN_LISTEN)");
  }
  auto impl = std::make_unique<Impl>();
  auto& server = impl->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(threads); };
  server.set_payload_max_length(max_body);
  server.set_read_timeout(io_timeout);
  server.set_write_timeout(io_timeout);
  server.set_keep_alive_max_count(1);  // an idle connection would hold one of the few threads
  // Not the library's default, which lets a second process share the port unnoticed.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
    if (!response.body.empty()) return;
    const auto answer =
        error_answer(response.status, response.status == 404 ? "no such path: " + request.path
                                                             : "the request can't be answered");
    response.set_content(answer.body, answer.content_type);
  });

  get_handlers.emplace("/metrics", [&metrics](const HttpQuery&) {
    return HttpAnswer{200, metrics.render(), "text/plain; version=0.0.4; charset=utf-8"};
  });
  get_handlers.emplace("/healthz", [&health](const HttpQuery&) {
    const bool alive = health.alive();
    return HttpAnswer{alive ? 200 : 503, nlohmann::json{{"alive", alive}}.dump()};
  });
  get_handlers.emplace("/readyz", [&health](const HttpQuery&) {
    return HttpAnswer{health.ready() ? 200 : 503, health.readiness_json()};
  });
  for (auto& [path, handler] : get_handlers) {
    const auto route = to_route(path);
    server.Get(route.pattern, to_handler(route.names, std::move(handler)));
  }
  for (auto& [path, handler] : post_handlers) {
    const auto route = to_route(path);
    server.Post(route.pattern, to_handler(route.names, std::move(handler)));
  }

  const bool bound = address->port == 0
                         ? (impl->port = server.bind_to_any_port(address->host)) > 0
                         : server.bind_to_port(address->host, impl->port = address->port);
  if (!bound) {
    return fail(ErrorKind::fatal,
                "can't listen at " + listen +
                    ": is the port taken, or the host not of this machine? (OPPEN_LISTEN)");
  }
  impl->thread = std::thread([&server] { server.listen_after_bind(); });
  // stop() does nothing before the loop runs, and the destructor would then wait for ever.
  while (!server.is_running()) std::this_thread::yield();
  return std::unique_ptr<HealthServer>(new HealthServer(std::move(impl)));
}

HealthServer::~HealthServer() {
  impl_->server.stop();
  impl_->thread.join();
}

int HealthServer::port() const { return impl_->port; }

}  // namespace oppen::runtime
