#pragma once
// What a record of the topic `runs` says, and how runs' records are kept up to date. Pure; one thread per run.
#include <optional>
#include <string>
#include <variant>

#include "schemas/cloud_event.hpp"
#include "schemas/costs.hpp"
#include "schemas/runs.hpp"
#include "workers/cost/ledger/attempt.hpp"

namespace oppen::cost {

struct Report {
  std::string job_id;  // as run_key makes it
  std::variant<RunProgress, RunCompleted> told;
  std::optional<Fact> fact = {};  // of a run from outside: its only attempt, which is over
};

// nullopt: no report. Invalid, in sentences: what the schema refuses, a job_id that is none, and of a run from outside times that
// can't be (as read_fact), more resources than anyone has, and longer text than a label's.
Result<std::optional<Report>> read_report(const CloudEvent& event, Time recorded_at);

// Events come again, late and in any order: a job's state is that of its highest seq, an epoch counts once, the first report of the
// latest attempt holds. False: a fact that is no news.
bool tell(Job& job, const Fact& fact);
void tell(Job& job, const Report& report);
// A charge, made now or recalled. Each once.
void tell_charge(Run& run, const CostAccrued& event);

}  // namespace oppen::cost
