#pragma once
// A batch that is only asked about, judged as one that is submitted would be. Pure; any thread.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/answers/answer_text.hpp"
#include "scheduler/core/admission.hpp"
#include "scheduler/core/batch_dependencies.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::answers {

struct Candidate {
  std::string job_id;
  plan::Waiting waiting;  // its dependencies are not filled in
  std::vector<std::string> after;
  std::vector<std::uint32_t> waits_for;  // as plan::simulate wants it; see look_up
  pricing::Usage usage;
  double seconds = 0;  // estimated
};

struct CheckedBatch {
  std::vector<Candidate> jobs;
  core::BatchDependencies dependencies;  // checked inside of the batch alone; see look_up
  std::map<std::string, std::int64_t> jobs_by_user;
  std::optional<MicroUsd> max_total;
  std::vector<Fault> faults;
  bool malformed = false;  // some of them are of the input itself, whatever the queue is like
};

// `data`: as in the event batch.submit. Errors: invalid, when it is no JSON.
Result<CheckedBatch> check_batch(std::string_view data, const core::AdmissionRules& rules, Time now,
                                 const pricing::CostModel& cost_model);

// What is found wrong is told up to here; the rest is counted.
inline constexpr std::size_t most_faults = 1000;

}  // namespace oppen::answers
