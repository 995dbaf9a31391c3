#include "scheduler/core/drift.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

namespace oppen::core {
namespace {

constexpr auto rebuild =
    "stop the schedulers, empty Redis (or its database) and start one: it rebuilds the queue from "
    "job-events and the pods";

}  // namespace

std::string Drift::key() const { return kind + "|" + subject + "|" + expected + "|" + found; }

std::string Drift::sighting() const { return key() + "|" + version; }

std::string Drift::sentence() const {
  return fmt::format("{}: {}: expected {}, found {}{}", kind, subject, expected, found,
                     ids.empty() ? "" : fmt::format(" ({})", fmt::join(ids, ", ")));
}

const std::vector<DriftKind>& drift_kinds() {
  static const std::vector<DriftKind> kinds{
      {"slots",
       "the count of taken slots is not that of the live attempts: too few or too many jobs run at "
       "once",
       rebuild},
      {"gpus",
       "the sum of GPUs in use is not that of the live attempts: jobs wait or are launched wrongly",
       rebuild},
      {"cpu", "the sum of CPU in use is not that of the live attempts", rebuild},
      {"memory", "the sum of memory in use is not that of the live attempts", rebuild},
      {"states",
       "the counts by state are not those of the live attempts: what status and the metrics show "
       "is wrong",
       rebuild},
      {"queued",
       "the count of queued jobs is not that of the queue: with 0 counted, nothing of it is "
       "launched",
       rebuild},
      {"queued_cost",
       "the expected cost of what waits is not the sum over the queue: estimates are wrong",
       rebuild},
      {"queued_time",
       "the expected time of what waits is not the sum over the queue: expected waits are wrong",
       rebuild},
      {"users",
       "the count of a user's jobs that have not ended is not that of the records: "
       "max_jobs_per_user is judged wrongly",
       rebuild},
      {"queue", "a place in the queue and the job's record disagree", rebuild},
      {"live",
       "the live attempts in Redis are not those that the leader follows, or not what their "
       "records say",
       "a restart of the leading scheduler reads them anew; if it stays, stop the schedulers, "
       "empty Redis and start one"},
      {"record",
       "a job's record is not in the set that its state belongs to: it is never launched, or never "
       "listed",
       rebuild},
      {"pod_missing", "a live attempt has no pod that runs",
       "a restart of the leading scheduler looks at all pods: the attempt ends as lost"},
      {"pod_stray", "a pod runs whose attempt is not live",
       "a restart of the leading scheduler deletes it; kubectl delete pod does too"},
      {"quota", "the API server counts something else as used than what the pods ask for",
       "Kubernetes counts anew by itself every few minutes; jobs may wait until then"},
      {"log", "the log of job-events and the job's record disagree", rebuild},
      {"outbox", "events wait in Redis and nobody publishes them",
       "start a scheduler; if one leads, see whether Kafka answers"},
      {"stage", "what is left of a batch that is neither waited for nor published takes memory",
       "delete the named keys in Redis"},
      {"kafka", "Redis was made from another log than the one that is connected",
       "give each Kafka cluster a Redis of its own (OPPEN_REDIS_URL), or empty this one to rebuild "
       "the queue from the log"},
  };
  return kinds;
}

const DriftKind& drift_kind(const std::string& name) {
  for (const auto& kind : drift_kinds()) {
    if (kind.name == name) return kind;
  }
  static const DriftKind unknown{"", "", ""};
  return unknown;
}

void keep_some(std::vector<Drift>& drifts) {
  std::map<std::string, std::size_t> of_kind;
  std::erase_if(drifts, [&](const Drift& drift) { return ++of_kind[drift.kind] > most_of_a_kind; });
}

std::vector<Drift> Confirmed::add(std::vector<Drift> found) {
  std::set<std::string> now;
  std::set<std::string> told;
  std::vector<Drift> news;
  for (auto& drift : found) {
    const auto key = drift.key();
    const auto sighting = drift.sighting();
    now.insert(sighting);
    if (!told_.contains(key)) {
      if (!drift.sure && !last_.contains(sighting)) continue;
      if (!told.contains(key)) news.push_back(std::move(drift));
    }
    told.insert(key);
  }
  last_ = std::move(now);
  told_ = std::move(told);
  return news;
}

}  // namespace oppen::core
