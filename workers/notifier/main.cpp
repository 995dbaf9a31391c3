// oppen-notifier: delivers the alerts of the topic `alerts`.
#include <cstdio>

#include "workers/notifier/options.hpp"
#include "workers/notifier/waiting.hpp"
#include "workers/notifier/worker.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/memory.hpp"
#include "workers/runtime/stop.hpp"

namespace oppen::notifier {
namespace {

// Exit code 3: a canary has not arrived.
int send_canaries(const std::vector<Route>& routes, runtime::HttpClient& http,
                  const std::stop_token& stop) {
  int code = 0;
  for (const auto& route : routes) {
    auto channel = make_channel(route.channel, http, stop);
    const auto status = channel
                            ? (*channel)->deliver(Waiting(route).canary(SystemClock().now())).status
                            : Status(fail(channel.error()));
    if (status) {
      std::printf("route %s: delivered\n", route.name.c_str());
    } else {
      std::printf("route %s: not delivered: %s\n", route.name.c_str(),
                  status.error().message.c_str());
      code = 3;
    }
  }
  return code;
}

}  // namespace
}  // namespace oppen::notifier

// Exit codes: 0 stopped or done, 1 can't go on, 2 a setting or the routes file is wrong, 3 a canary has not arrived.
int main(int argc, char** argv) {
  using namespace oppen;
  runtime::return_freed_memory();
  const runtime::StopSignal stop;
  notifier::Options options;
  if (const auto exit_code = options.parse(argc, argv)) return *exit_code;
  runtime::start_logging("oppen-notifier", options.worker.log_level, options.worker.log_format);
  const auto wrong = [](const Error& error) { return spdlog::error("{}", error.message), 2; };
  if (options.routes_file.empty())
    return spdlog::error("no routes: set --routes or OPPEN_NOTIFIER_ROUTES to a file"), 2;
  const auto routes = notifier::read_routes(options.routes_file);
  if (!routes) return wrong(routes.error());
  if (options.check)
    return std::printf("%s: %zu routes\n", options.routes_file.c_str(), routes->size()), 0;

  runtime::HttpClient http;
  const std::stop_callback ends_requests(stop.token(), [&] {
    if (options.canary) http.stop();
  });
  if (options.canary) return notifier::send_canaries(*routes, http, stop.token());

  spdlog::info("settings: {}", options.described);
  const auto kafka = options.worker.kafka("oppen-notifier");
  if (!kafka) return wrong(kafka.error());
  const SystemClock clock;
  runtime::Metrics metrics;
  runtime::Health health;
  const auto producer = client::Producer::create(*kafka, {"dead-letter"});
  if (!producer) return wrong(producer.error());
  const auto worker = notifier::Worker::create(*kafka, options.worker.redis_url, *routes,
                                               {clock, metrics, health, **producer, http});
  if (!worker) return wrong(worker.error());
  const auto server =
      runtime::HealthServer::start(options.worker.listen, metrics, health,
                                   {{"/deliveries", [&](const auto&) {
                                       return runtime::HttpAnswer{200, (*worker)->deliveries()};
                                     }}});
  if (!server) return wrong(server.error());
  const auto status = (*worker)->run(stop.token());
  if (!status) return spdlog::critical("{}", status.error().message), 1;
  spdlog::info("stopped");
  return 0;
}
