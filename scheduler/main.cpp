// oppen-scheduler: keeps the queue in Redis and launches the jobs' pods. With --verify it compares what it and others have left there
// with the log and the cluster instead, and leaves.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>

#include "scheduler/answers/questions.hpp"
#include "scheduler/core/term.hpp"
#include "scheduler/core/verify.hpp"
#include "scheduler/kube/kube_client.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/memory.hpp"
#include "workers/runtime/stop.hpp"
#include "workers/runtime/worker_settings.hpp"

namespace {

using namespace oppen;

// Unique among all schedulers that ever ran.
std::string instance_name() {
  char host[256] = "unknown";
  gethostname(host, sizeof host - 1);
  return fmt::format("{}-{}-{:08x}", host, getpid(), std::random_device{}());
}

struct SchedulerSettings {
  runtime::WorkerSettings common;
  std::int64_t lease_ttl_ms = 3000;
  std::int64_t audit_seconds = 30;
  std::string output = "text";  // of --verify
};

std::unique_ptr<kube::Survey> make_survey(const runtime::WorkerSettings& settings) {
  auto access = runtime::KubeAccess::from_environment();
  if (!access) return spdlog::error("{}", access.error().message), nullptr;
  return std::make_unique<kube::KubeSurvey>(std::move(*access), settings.kube_namespace);
}

// Exit codes: 0 everything agrees, 1 there are differences, 2 a setting is wrong, 3 something can't be reached.
int verify(const SchedulerSettings& settings) {
  const auto& common = settings.common;
  const auto kafka = common.kafka("oppen-scheduler-verify");
  if (!kafka) return spdlog::error("{}", kafka.error().message), 2;
  const auto consumer = client::Consumer::create(*kafka, "");
  if (!consumer) return spdlog::error("{}", consumer.error().message), 2;
  const auto redis = runtime::Redis::create(common.redis_url);
  if (!redis) return spdlog::error("{}", redis.error().message), 2;
  const auto survey = make_survey(common);
  if (!survey) return 2;
  const SystemClock clock;
  const auto report = core::verify({**redis, **consumer, *survey, clock, common.topic_prefix});
  if (!report) return spdlog::error("{}", report.error().message), 3;
  fmt::print("{}", settings.output == "json" ? report->json().dump(2) + "\n" : report->text());
  return report->drifts.empty() ? 0 : 1;
}

int run(const SchedulerSettings& all) {
  const auto& settings = all.common;
  const runtime::StopSignal stop;
  const SystemClock clock;
  runtime::Metrics metrics;
  runtime::Health health;
  auto kafka = settings.kafka("oppen-scheduler");
  if (!kafka) return spdlog::error("{}", kafka.error().message), 2;
  core::Inquiry inquiry;
  const auto questions =
      answers::Questions::create(settings.redis_url, settings.topic_prefix, inquiry);
  if (!questions) return spdlog::error("{}", questions.error().message), 2;
  const auto server = runtime::HealthServer::start(
      settings.listen, metrics, health,
      {{"/api/v1/jobs/:id/explain",
        [&](const auto& query) { return (*questions)->explain(query.params.at("id")); }}},
      {{"/api/v1/simulate",
        [&](const auto& query) {
          const auto delays = query.params.find("delays");
          return (*questions)
              ->simulate(query.body, delays == query.params.end() || delays->second != "false");
        }},
       {"/api/v1/simulate/policy",
        [&](const auto& query) { return (*questions)->simulate_policy(query.body); }},
       {"/api/v1/starts", [&](const auto& query) { return (*questions)->starts(query.body); }}});
  if (!server) return spdlog::error("{}", server.error().message), 2;

  // Order must hold whatever happens, so the producer gives up on no record.
  auto producer_settings = *kafka;
  producer_settings.properties["message.timeout.ms"] = "0";
  auto producer = client::Producer::create(
      producer_settings, {"job-events", "control", "jobs", "runs", "dead-letter"});
  if (!producer) return spdlog::error("{}", producer.error().message), 2;

  const auto make_kube = [&settings]() -> std::unique_ptr<kube::KubeApi> {
    auto access = runtime::KubeAccess::from_environment();
    if (!access) {
      spdlog::error("{}", access.error().message);
      return nullptr;
    }
    return std::make_unique<kube::KubeClient>(std::move(*access), settings.kube_namespace);
  };
  if (!make_kube()) return 2;

  const core::TermOptions options{*kafka,
                                  settings.redis_url,
                                  settings.kube_namespace,
                                  instance_name(),
                                  std::chrono::milliseconds(all.lease_ttl_ms),
                                  std::chrono::seconds(all.audit_seconds)};
  while (!stop.token().stop_requested()) {
    const auto status = core::run_term(options,
                                       {clock, metrics, health, **producer, inquiry, make_kube,
                                        [&settings] { return make_survey(settings); }},
                                       stop.token());
    if (status) break;
    if (status.error().kind == ErrorKind::fatal)
      return spdlog::critical("{}", status.error().message), 1;
    // The outbox keeps what is not acknowledged. If Redis has lost it, the next leader, perhaps another process, tells it anew: what
    // lies here must not come after that.
    if (!(*producer)->flush(std::chrono::seconds(2))) (*producer)->give_up();
    health.set("leadership", status);
    health.beat();
    spdlog::warn("beginning again: {}", status.error().message);
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  spdlog::info("stopped");
  return 0;
}

// A flag that takes no value, and may stand anywhere. true: it was there, and is not any more.
bool take_flag(std::vector<const char*>& arguments, std::string_view flag) {
  return std::erase_if(arguments, [&](const char* argument) { return argument == flag; }) > 0;
}

}  // namespace

int main(int argc, char** argv) {
  runtime::return_freed_memory();
  std::vector<const char*> arguments(argv, argv + argc);
  const bool verifies = take_flag(arguments, "--verify");
  std::replace_if(
      arguments.begin(), arguments.end(),
      [](const char* argument) { return std::string_view(argument) == "-o"; }, "--output");

  SchedulerSettings all;
  runtime::Settings settings(
      "oppen-scheduler",
      "Keeps the queue of jobs in Redis and launches their pods.\n"
      "With --verify: compares log, Redis, pods and quotas once, changes nothing, reports each\n"
      "difference with what it means and what heals it, and leaves: 0 everything agrees, 1 there "
      "are\n"
      "differences, 3 a service can't be reached. -o text|json.");
  all.common.declare(settings, "127.0.0.1:8081");
  settings.add(all.lease_ttl_ms, {.name = "lease-ttl",
                                  .help = "A leader that died is replaced after this time",
                                  .unit = "milliseconds",
                                  .min = 500,
                                  .max = 60'000});
  settings.add(all.audit_seconds,
               {.name = "audit-interval",
                .help = "How often a leader compares what it believes with Redis and the cluster",
                .unit = "seconds",
                .min = 1,
                .max = 86'400});
  settings.add(
      all.output,
      {.name = "output", .help = "What --verify prints, also as -o", .one_of = {"text", "json"}});
  if (const auto exit_code = settings.parse(static_cast<int>(arguments.size()), arguments.data())) {
    return *exit_code;
  }
  if (verifies) {
    runtime::start_logging("oppen-scheduler", "error", all.common.log_format);
    return verify(all);
  }
  runtime::start_logging("oppen-scheduler", all.common.log_level, all.common.log_format);
  spdlog::info("settings: {}", settings.describe());
  return run(all);
}
