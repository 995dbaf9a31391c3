#pragma once
// The ledger of one partition: what job events tell of attempts goes in, in any order and repeated, and what is to be
// published of their cost comes out. No clock, no I/O; one thread.
//
// An attempt is charged from its start to its end in intervals, cut on the grid of 30 seconds of UTC and where rates change.
// An interval is charged once it is over, so that where it ends does not depend on when it is looked at. An amount is the price
// up to its end less what has been charged before, so the sum is the price of the attempt. What was charged wrongly, because an
// end or a change of rates came late, is put right by a correction, which stands where the charging goes on from. What is final
// stays as it was charged, unless its begin or end turns out to be another. A run from outside is known when it is over: it is cut
// at midnight of UTC and where rates change.
#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "schemas/costs.hpp"
#include "workers/cost/ledger/attempt.hpp"
#include "workers/cost/ledger/report.hpp"
#include "workers/cost/pricing/rate_history.hpp"

namespace oppen::cost {

inline constexpr std::chrono::seconds grid{30};

struct Charge {
  std::string id;  // job/attempt/slot, and how many corrections there were
  CostAccrued event;
};

class Ledger {
 public:
  // `rates` must outlive this.
  explicit Ledger(const pricing::RateHistory& rates) : rates_(&rates) {}

  // All of them: jobs by what run_key makes of their ids.
  bool knows(const std::string& job_id) const { return jobs_.contains(job_id); }
  // A job as it was stored, before anything of it is applied.
  void load(const std::string& job_id, Job job);
  // The same of one that was settled. It counts as changed, so that it is forgotten again whatever comes of it.
  void load_settled(const std::string& job_id, Job job);

  void apply(const Fact& fact);
  void apply(const Report& report);
  // What was published before, of which this ledger has lost its memory; in the order of the log. False: it has been counted
  // already, and changes nothing.
  bool recall(const std::string& id, const CostAccrued& event);
  // Rates are not what they were: open attempts are looked at again.
  void rates_changed();

  // Everything to be charged of what was over at `time`; at most `limit` charges, the rest at the next call.
  std::vector<Charge> charge(Time time, std::size_t limit);

  // The jobs of which anything has changed since the last call.
  std::vector<std::string> take_changed();
  // What is to be stored of a job.
  const Job& job(const std::string& job_id) const { return jobs_.at(job_id); }
  Job& job(const std::string& job_id) { return jobs_.at(job_id); }
  // It has been: one that is settled is forgotten.
  void stored(const std::string& job_id);

  const std::unordered_map<std::string, Job>& jobs() const { return jobs_; }

 private:
  void touch(const std::string& job_id) {
    changed_.push_back(job_id);
    quiet_until_ = {};
  }

  const pricing::RateHistory* rates_;
  std::unordered_map<std::string, Job> jobs_;
  std::vector<std::string> changed_;  // with repetitions
  Time quiet_until_{};  // before that nothing is to be charged, unless something changes
};

}  // namespace oppen::cost
