#pragma once
// Why something costs more than it usually does. Each workload's change is split into price and quantity by the logarithmic mean (LMDI; Ang
// 2004, "Decomposition analysis for policymaking in energy"): with L(a, b) = (a - b) / (ln a - ln b), cost = price x quantity,
// dPrice = L(c1, c0) ln(p1 / p0), dQuantity = L(c1, c0) ln(q1 / q0), which add up to c1 - c0 exactly, in no order. What is new or has ended
// has no such split and is kept apart. Pure functions, any thread.
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "workers/anomaly/finding.hpp"

namespace oppen::anomaly {

// Costs in dollars, all of them for the same length of time; quantity in any unit that is the same before and now.
struct WorkloadChange {
  std::map<std::string, std::string> place;  // team, project, model_type, gpu_type, namespace
  std::string workload_type;
  bool spot = false;
  double cost_before = 0, cost_now = 0;
  double quantity_before = 0, quantity_now = 0;
  double jobs_before = 0, jobs_now = 0;  // at once, on average
};

struct Split {
  double price = 0, quantity = 0, appeared = 0, ended = 0;
  double sum() const { return price + quantity + appeared + ended; }
};
Split split_of(const WorkloadChange& change);

// What the bus saw of a value of a dimension since the change began, beyond what is usual there.
struct Seen {
  double started = 0, requeued = 0, failed = 0, gpu_faults = 0;
  bool price_changed = false;
};

struct Diagnosis {
  std::vector<Alert::Cause> causes;  // the greatest first; their shares add up to 1
  std::optional<Remedy> remedy;
};

struct Question {
  std::vector<WorkloadChange> changes;       // of what alerts
  std::map<std::string, std::string> about;  // the alert's labels
  double expected_day = 0, actual_day = 0;   // dollars
  double jobs_at_once = 0;                   // of everything, now
  Time until{};                              // of what is proposed
};
// "limit parallel jobs to 1: back to $42 over the next day"
std::string limit_text(int limit, double dollars_a_day);

// `seen`: by dimension and value.
Diagnosis diagnose(const Question& question,
                   const std::map<std::pair<std::string, std::string>, Seen>& seen);

}  // namespace oppen::anomaly
