// oppen-console: answers questions over HTTP, from what the scheduler keeps in Redis.

#include <condition_variable>
#include <cstdio>
#include <mutex>

#include "workers/console/kube_logs.hpp"
#include "workers/console/parts.hpp"
#include "workers/console/scheduler_api.hpp"
#include "workers/console/server.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/memory.hpp"
#include "workers/runtime/stop.hpp"
#include "workers/runtime/worker_settings.hpp"

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  using namespace oppen;
  runtime::return_freed_memory();
  runtime::StopSignal stop;
  runtime::WorkerSettings worker;
  std::string scheduler_url = "http://127.0.0.1:8081";
  runtime::Settings settings(
      "oppen-console", "Answers questions about the queue and the jobs over HTTP (/api/v1/...).");
  worker.declare(settings, "127.0.0.1:8088");
  std::string worker_urls;
  settings.add(scheduler_url,
               {.name = "scheduler-url",
                .help = "Where the scheduler answers; of several, the one that leads does",
                .unit = "URL[,URL...]"});
  settings.add(worker_urls,
               {.name = "worker-urls",
                .help = "Where the other workers answer, of which health and dashboard tell, as in "
                        "cost=http://127.0.0.1:8082",
                .unit = "NAME=URL[,NAME=URL...]"});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;
  runtime::start_logging("console", worker.log_level, worker.log_format);
  const auto workers = console::worker_urls(worker_urls);
  if (!workers)
    return std::fprintf(stderr, "oppen-console: %s\n", workers.error().message.c_str()), 2;
  SPDLOG_INFO("starting with {}", settings.describe());

  const auto queue = console::PooledQueue::create(worker.redis_url, worker.topic_prefix, 5s);
  if (!queue) return std::fprintf(stderr, "oppen-console: %s\n", queue.error().message.c_str()), 2;
  const auto kube = runtime::KubeAccess::from_environment();
  if (!kube) SPDLOG_WARN("there will be no logs of jobs: {}", kube.error().message);

  const SystemClock clock;
  runtime::HttpClient http;
  runtime::Metrics metrics;
  runtime::Health health;
  console::KubeLogs logs(kube, worker.kube_namespace);
  const auto schedulers = console::scheduler_urls(scheduler_url);
  console::Parts parts(**queue, http, kube, schedulers, *workers);
  console::Nodes nodes(http, kube);
  console::SchedulerApi scheduler(http, schedulers);
  console::PooledBooks books((*queue)->pool(), worker.topic_prefix);
  console::Api api(
      **queue, books, logs, scheduler, [&parts] { return parts.check(); },
      [&nodes] { return nodes.room(); }, clock, worker.kube_namespace,
      [&queue] { return (*queue)->budgets(); }, [&queue] { return (*queue)->alerts(); });
  health.set("redis", (*queue)->ping());
  const auto server = console::Server::start(worker.listen, api, metrics, health);
  if (!server)
    return std::fprintf(stderr, "oppen-console: %s\n", server.error().message.c_str()), 1;
  SPDLOG_INFO("listening on port {}", (*server)->port());

  std::mutex mutex;
  std::condition_variable_any turn;
  std::unique_lock lock(mutex);
  while (!stop.token().stop_requested()) {
    health.beat();
    health.set("redis", (*queue)->ping());
    turn.wait_for(lock, stop.token(), 1s, [] { return false; });
  }
  SPDLOG_INFO("stopping");
  return 0;
}
