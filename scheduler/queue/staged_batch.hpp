#pragma once
// What claim_jobs and publish_batch (store.hpp) need to know of a batch's staged jobs. Text and sums: ten thousand ids as strings of their own
// would take several times the memory. Plain values.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/queue/record.hpp"
#include "schemas/units.hpp"

namespace oppen::queue {

// A job of the batch that stands in its place already, and whose event is on the bus.
struct ToldJob {
  Priority priority = Priority::normal;
  MicroUsd cost;
  std::int64_t milliseconds = 0;
  std::string user;
};

struct StagedBatch {
  // By the sorted set in which they are to wait ("queue:n"): "<place> <id> <place> <id> "
  std::map<std::string, std::string> order;
  MicroUsd cost[3];
  std::int64_t milliseconds[3] = {};
  int jobs = 0;
  std::map<std::string, std::int64_t> users;  // how many of these each has
  int told = 0;                               // besides these

  struct Dependencies {
    std::vector<std::string> pairs;    // dependency, job, dependency, job
    std::vector<std::string> outside;  // dependencies that are no jobs of the batch
  } dependencies;

  // As it is staged.
  void add(const JobRecord& record);
  // Takes these out of the sums. Their text stays.
  void leave_out(const std::vector<ToldJob>& told_jobs);
};

// Goes through a batch some jobs at a time. Borrows the batch, whose text must not change meanwhile.
class Slices {
 public:
  struct Slice {
    std::string_view set;   // in which all of these are to wait
    std::string_view jobs;  // "<place> <id> " of each; "" at the end
  };

  Slices(const StagedBatch& batch, int jobs_at_once);
  Slice next();
  bool done() const { return rest_.empty(); }

 private:
  std::vector<Slice> rest_;
  int at_once_;
};

}  // namespace oppen::queue
