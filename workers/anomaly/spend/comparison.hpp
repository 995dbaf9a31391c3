#pragma once
// What is spent at a moment beside what is usual: by series, by workload, and at which prices. Reads the accounts alone; one thread.
#include <map>
#include <string>
#include <vector>

#include "workers/anomaly/diagnose/diagnose.hpp"
#include "workers/anomaly/spend/accounts.hpp"
#include "workers/anomaly/spend/judge.hpp"

namespace oppen::anomaly {

// A stretch by which the present rate is taken, and the days before that it is compared with.
struct Rate {
  Slot from = 0, end = 0;
  double part = 1;  // of a day
  std::vector<std::int64_t> usual;
};

class Comparison {
 public:
  // `now`: the slot that runs. The accounts must outlive it.
  Comparison(const Accounts& accounts, Slot now);

  // Of a GPU type also by its prices.
  Judgement judged(const std::string& key, const Series& one) const;
  Rate rate(const std::string& key, const Series& one, Basis basis) const;
  // What a workload spends beyond the usual, in dollars a day.
  double excess(const Workload& workload, const Rate& rate) const;
  // The causes, and what would put it right.
  void explain(Finding& finding, const std::string& key, const Series& one,
               const Judgement& judgement, Time at) const;

 private:
  // What the running workloads of a GPU type cost, and would at the prices of the seven days before; dollars in 20 minutes.
  struct Prices {
    double now = 0, before = 0, risen = 0, fresh = 0;
  };
  std::map<std::string, Prices> all_prices() const;
  void judge_prices(Judgement& judgement, const Prices& prices, double part) const;
  const Series* whole(const Series& part) const;
  bool many_jobs(const std::string& key, const Series& one) const;
  WorkloadChange change(const WorkloadKey& key, const Workload& workload, const Rate& rate) const;
  Used used(const Workload& workload, const Rate& rate) const;
  // None from before anything was spent.
  std::vector<std::int64_t> week_before() const;

  const Accounts& accounts_;
  Slot now_;
  std::map<std::string, Prices> prices_;
};

}  // namespace oppen::anomaly
