#include "scheduler/queue/staged_batch.hpp"

#include <cmath>

namespace oppen::queue {

void StagedBatch::add(const JobRecord& record) {
  const auto priority = static_cast<std::size_t>(record.priority);
  order[priority] += std::to_string(record.place) + ' ' + record.spec.job_id + ' ';
  cost[priority] += record.estimated_cost;
  milliseconds[priority] += std::llround(record.estimated_seconds * 1000);
  ++jobs;
}

void StagedBatch::each_id(const std::function<void(std::string_view id)>& take) const {
  for (std::string_view rest : order) {
    while (!rest.empty()) {
      rest.remove_prefix(rest.find(' ') + 1);  // the place
      const auto end = rest.find(' ');
      take(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
  }
}

}  // namespace oppen::queue
