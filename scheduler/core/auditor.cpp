#include "scheduler/core/auditor.hpp"

#include <condition_variable>
#include <future>
#include <mutex>

#include "scheduler/core/audit.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;

Belief belief_of(const State& state) {
  Belief belief{state.counters, {}};
  belief.live.reserve(state.live.size());
  for (const auto& [job_id, record] : state.live) belief.live.push_back(view_of(record));
  return belief;
}

runtime::Counter& counter_of(runtime::Metrics& metrics, const std::string& kind) {
  return metrics.counter("oppen_drift_total",
                         "Differences between what should agree, as the audit found them",
                         {{"kind", kind}});
}

// Kinds that only --verify can find have no counter.
constexpr const char* audited[] = {"slots",       "gpus",        "cpu",         "memory", "states",
                                   "queued",      "queued_cost", "queued_time", "queue",  "live",
                                   "pod_missing", "pod_stray",   "quota"};

}  // namespace

Auditor::Auditor(State& state, Attempts::Post post, const std::string& topic_prefix,
                 std::unique_ptr<runtime::Redis> redis, std::unique_ptr<kube::Survey> survey,
                 std::chrono::seconds interval)
    : state_(state),
      post_(std::move(post)),
      topic_prefix_(topic_prefix),
      redis_(std::move(redis)),
      survey_(std::move(survey)),
      thread_([this, interval](std::stop_token stop) { run(interval, stop); }) {
  for (const auto* kind : audited) counter_of(state_.metrics, kind);
}

void Auditor::run(std::chrono::seconds interval, std::stop_token stop) {
  const auto believed = [this, stop]() -> std::optional<Belief> {
    const auto answer = std::make_shared<std::promise<Belief>>();
    auto belief = answer->get_future();
    post_([this, answer]() -> Status {
      answer->set_value(belief_of(state_));
      return {};
    });
    while (!stop.stop_requested()) {
      if (belief.wait_for(50ms) == std::future_status::ready) return belief.get();
    }
    return std::nullopt;
  };
  RedisLook redis(*redis_, topic_prefix_);
  Audit audit({redis, *survey_, state_.clock, state_.epoch, believed});
  Confirmed confirmed;
  std::mutex mutex;
  std::condition_variable_any never;
  for (;;) {
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, interval, [] { return false; });
    if (stop.stop_requested()) return;
    auto drifts = audit.look(stop);
    if (!drifts) {
      spdlog::debug("the audit is put off: {}", drifts.error().message);
      continue;
    }
    for (const auto& drift : confirmed.add(std::move(*drifts))) {
      // In this order: who sees the count finds the line.
      spdlog::warn("drift of {}", drift.sentence());
      counter_of(state_.metrics, drift.kind).add();
    }
  }
}

}  // namespace oppen::core
