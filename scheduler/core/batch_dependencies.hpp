#pragma once
// What the jobs of one batch wait for: jobs of the batch, in any order, and jobs that are known already. One thread.
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "scheduler/queue/store.hpp"
#include "schemas/job.hpp"

namespace oppen::core {

class BatchDependencies {
 public:
  using Wrong = std::function<void(int index, const std::string& field, const std::string& reason)>;
  // The records of jobs, of which the state alone counts; nullopt where there is no such job.
  using Records = std::function<Result<std::vector<std::optional<queue::JobRecord>>>(
      const std::vector<std::string>& job_ids)>;

  // The next job of the batch, in order.
  void add(int index, const JobSpec& job);

  // Once all are added: says what is wrong of them. `index_of`: every job of the batch. Errors: of the store.
  Status check(const std::unordered_map<std::string, int>& index_of, queue::QueueStore& store,
               const Wrong& wrong);
  // The same in two steps: what is wrong whatever the queue is like, then what is of the jobs that are known already. Errors: of `records`.
  void check_inside(const std::unordered_map<std::string, int>& index_of, const Wrong& wrong);
  Status check_outside(const Records& records, const Wrong& wrong);

  // After check: whether the job has to wait for another one.
  bool waits(const JobSpec& job) const;

  // For the batch's publication: "<dependency> <job>" of each pair, and the dependencies that are no jobs of the batch.
  queue::StagedBatch::Dependencies take();

 private:
  struct Edge {
    int index = 0;  // of the job that waits
    int place = 0;  // in its `after`
    std::string job;
    std::string dependency;
  };
  void check_circles(const std::unordered_map<std::string, int>& index_of,
                     const Wrong& wrong) const;

  std::vector<Edge> edges_;
  std::vector<std::string> outside_;           // dependencies that are no jobs of the batch
  std::unordered_set<std::string> succeeded_;  // of these
};

}  // namespace oppen::core
