#pragma once
// What became of jobs and batches, told from the events of `job-events`. Pure; one thread at a time.
//
// A job's outcome is its one terminal event or, where it was refused, job.rejected; a batch's is batch.queued or batch.rejected. What was
// rejected may be submitted again, corrected: so a rejection is the outcome only when nothing after it says that the job is queued, and
// not when it answers an earlier command than the one that is asked about.
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "schemas/cloud_event.hpp"

namespace oppen::client {

class Outcomes {
 public:
  static constexpr std::int64_t any_command = -1;

  // `command`: the offset in `jobs` of the command that submitted it; any_command where that is not known.
  void expect(const std::string& id, std::int64_t command);

  bool waits_for(const std::string& id) const { return waiting_.contains(id); }

  // What is told of `id` on that partition of `job-events`, in its order; repetitions are dropped.
  void take(const std::string& id, int partition, CloudEvent event);
  // Whether something was rejected there that may have been submitted again.
  bool undecided(int partition) const;
  // All that was there is taken: rejections without a later event count.
  void caught_up(int partition);

  bool complete() const { return waiting_.empty(); }
  // At most so many, for a message.
  std::vector<std::string> missing(std::size_t at_most) const;
  std::size_t missing() const { return waiting_.size(); }
  std::map<std::string, CloudEvent> take_all() { return std::move(outcomes_); }

 private:
  struct Waiting {
    std::int64_t command = any_command;
    std::int64_t last_seq = 0;
  };
  struct Rejection {
    int partition = 0;
    CloudEvent event;
  };
  void decide(const std::string& id, CloudEvent event);

  std::unordered_map<std::string, Waiting> waiting_;
  std::map<std::string, Rejection> rejected_;  // not known yet whether it lasts
  std::map<std::string, CloudEvent> outcomes_;
};

}  // namespace oppen::client
