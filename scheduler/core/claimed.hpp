#pragma once
// The jobs of the batch that is being decided. Their records may be in Redis already, and are nobody's to look at before the batch is
// queued or rejected. Hashes in order: ten thousand ids would take ten times the memory. Two ids of one hash would only make the batch be
// decided at once. Plain value.
#include <algorithm>
#include <functional>
#include <string_view>
#include <vector>

#include "scheduler/queue/staged_batch.hpp"

namespace oppen::core {

class Claimed {
 public:
  Claimed() = default;
  explicit Claimed(const queue::StagedBatch& batch) {
    hashes_.reserve(static_cast<std::size_t>(batch.jobs));
    for (queue::Slices jobs(batch, 1); !jobs.done();) {
      auto job = jobs.next().jobs;  // "<place> <id> "
      job.remove_prefix(job.find(' ') + 1);
      job.remove_suffix(1);
      hashes_.push_back(hash(job));
    }
    std::sort(hashes_.begin(), hashes_.end());
  }

  bool contains(std::string_view job_id) const {
    return std::binary_search(hashes_.begin(), hashes_.end(), hash(job_id));
  }

 private:
  static std::size_t hash(std::string_view id) { return std::hash<std::string_view>()(id); }
  std::vector<std::size_t> hashes_;
};

}  // namespace oppen::core
