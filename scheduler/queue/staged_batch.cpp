#include "scheduler/queue/staged_batch.hpp"

#include <cmath>

namespace oppen::queue {

void StagedBatch::add(const JobRecord& record) {
  const auto priority = static_cast<std::size_t>(record.priority);
  order[waiting_set(record)] += std::to_string(record.place) + ' ' + record.spec.job_id + ' ';
  cost[priority] += record.estimated_cost;
  milliseconds[priority] += std::llround(record.estimated_seconds * 1000);
  ++users[record.spec.user];
  ++jobs;
}

void StagedBatch::leave_out(const std::vector<ToldJob>& told_jobs) {
  for (const auto& job : told_jobs) {
    const auto priority = static_cast<std::size_t>(job.priority);
    cost[priority] = cost[priority] - job.cost;
    milliseconds[priority] -= job.milliseconds;
    if (--users[job.user] == 0) users.erase(job.user);
    --jobs;
    ++told;
  }
}

Slices::Slices(const StagedBatch& batch, int jobs_at_once) : at_once_(jobs_at_once) {
  for (const auto& [set, jobs] : batch.order) rest_.push_back({set, jobs});
}

Slices::Slice Slices::next() {
  if (rest_.empty()) return {};
  auto& [set, rest] = rest_.back();
  std::size_t end = 0;
  for (int i = 0; i < at_once_ && end < rest.size(); ++i)
    end = rest.find(' ', rest.find(' ', end) + 1) + 1;
  const Slice slice{set, rest.substr(0, end)};
  rest.remove_prefix(end);
  if (rest.empty()) rest_.pop_back();
  return slice;
}

}  // namespace oppen::queue
