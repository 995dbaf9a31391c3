#pragma once
// Everything at a glance: how the parts are, what fires, what is spent, what the cluster has and what of it is in use, the pods, the queue.
// Any thread; borrows what it is given.
//
// A part that cannot be had is {"error":{"code","message"}} in its place; the others are there.
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "workers/anomaly/episodes/view.hpp"
#include "workers/console/cost_answers.hpp"
#include "workers/console/health.hpp"
#include "workers/console/nodes.hpp"

namespace oppen::console {

class Dashboard {
 public:
  using ReadParts = std::function<std::vector<Part>()>;
  using ReadNodes = std::function<Result<ClusterRoom>()>;
  using ReadAlerts = std::function<Result<anomaly::AlertsView>()>;

  Dashboard(QueueView& queue, BooksView& books, CostAnswers& costs, ReadParts parts,
            ReadNodes nodes, ReadAlerts alerts, const Clock& clock)
      : queue_(queue),
        books_(books),
        costs_(costs),
        parts_(std::move(parts)),
        nodes_(std::move(nodes)),
        alerts_(std::move(alerts)),
        clock_(clock) {}

  // `limit`: of alerts, of pods, of jobs that wait and of nodes, how many are listed. As of at most a second ago: one asks, and those who come
  // meanwhile get its answer.
  nlohmann::json show(int limit);

 private:
  // What several parts stand on, read once.
  struct Basis {
    queue::Counters counters;
    CostAnswers::InForce rules;
    std::vector<queue::JobRecord> live;
  };
  nlohmann::json look(int limit);
  Result<Basis> basis();
  Result<nlohmann::json> queue_part(const Basis& basis, int limit);
  Result<nlohmann::json> costs_part(const Basis& basis, Time now);
  Result<nlohmann::json> alerts_part(int limit, Time now);
  Result<nlohmann::json> pods_part(const Basis& basis, int limit, Time now);

  QueueView& queue_;
  BooksView& books_;
  CostAnswers& costs_;
  ReadParts parts_;
  ReadNodes nodes_;
  ReadAlerts alerts_;
  const Clock& clock_;

  std::mutex mutex_;  // of what was shown last
  nlohmann::json shown_;
  int shown_limit_ = 0;
  Time shown_at_{};
};

}  // namespace oppen::console
