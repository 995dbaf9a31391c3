#include "scheduler/queue/staged_batch.hpp"

#include <cmath>
#include <cstdlib>
#include <unordered_set>

namespace oppen::queue {
namespace {

// Cuts the first so many jobs off.
std::string_view cut(std::string_view& rest, int jobs) {
  std::size_t end = 0;
  for (int i = 0; i < jobs && end < rest.size(); ++i)
    end = rest.find(' ', rest.find(' ', end) + 1) + 1;
  const auto first = rest.substr(0, end);
  rest.remove_prefix(end);
  return first;
}

}  // namespace

void StagedBatch::add(const JobRecord& record) {
  const auto priority = static_cast<std::size_t>(record.priority);
  order[priority] += std::to_string(record.place) + ' ' + record.spec.job_id + ' ';
  cost[priority] += record.estimated_cost;
  milliseconds[priority] += std::llround(record.estimated_seconds * 1000);
  ++jobs;
}

void StagedBatch::leave_out(const std::vector<ToldJob>& told_jobs) {
  if (told_jobs.empty()) return;
  std::unordered_set<std::int64_t> places;
  for (const auto& job : told_jobs) {
    places.insert(job.place);
    const auto priority = static_cast<std::size_t>(job.priority);
    cost[priority] = cost[priority] - job.cost;
    milliseconds[priority] -= job.milliseconds;
    --jobs;
    ++told;
  }
  for (auto& text : order) {
    std::string kept;
    for (std::string_view rest = text; !rest.empty();) {
      const auto job = cut(rest, 1);
      if (!places.contains(std::strtoll(job.data(), nullptr, 10))) kept += job;
    }
    text = std::move(kept);
  }
}

Slices::Slices(const StagedBatch& batch, int jobs_at_once)
    : rest_{batch.order[0], batch.order[1], batch.order[2]}, at_once_(jobs_at_once) {}

std::string_view Slices::next() {
  for (auto& rest : rest_) {
    if (!rest.empty()) return cut(rest, at_once_);
  }
  return {};
}

}  // namespace oppen::queue
