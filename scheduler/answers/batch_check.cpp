#include "scheduler/answers/batch_check.hpp"

#include <fmt/format.h>

#include <limits>
#include <unordered_map>

#include "scheduler/core/batch_scan.hpp"
#include "scheduler/core/bounds.hpp"
#include "scheduler/core/holds.hpp"

namespace oppen::answers {
namespace {

Candidate candidate_of(queue::JobRecord record, core::Bounds& bounds) {
  Candidate job;
  auto& waiting = job.waiting;
  waiting.priority = record.priority;
  waiting.amounts = record.amounts();
  waiting.p50_seconds = static_cast<float>(record.estimated_seconds);
  waiting.spread = static_cast<float>(record.spread_permille) / 1000;
  waiting.doubt = static_cast<float>(record.doubt_permille) / 1000;
  constexpr std::int64_t unbounded = std::numeric_limits<std::uint32_t>::max();
  const auto limit = bounds.longest_seconds(record.spec);
  waiting.max_runtime_seconds =
      static_cast<std::uint32_t>(limit > 0 && limit < unbounded ? limit : unbounded);
  if (record.spec.window == "off_peak") waiting.hold = plan::Hold::window;
  job.usage = {record.resources(), "", record.priority, record.spec.spot};
  job.seconds = record.estimated_seconds;
  job.after = std::move(record.spec.after);
  job.job_id = std::move(record.spec.job_id);
  return job;
}

}  // namespace

Result<CheckedBatch> check_batch(std::string_view data, const core::AdmissionRules& rules, Time now,
                                 const pricing::CostModel& cost_model) {
  const auto scan = core::scan_batch(data);
  if (!scan) return fail(ErrorKind::invalid, "the batch is not JSON in UTF-8");
  CheckedBatch batch;
  batch.max_total = scan->max_total;
  std::size_t more = 0;
  const auto wrong = [&](Fault fault) {
    if (batch.faults.size() < most_faults) {
      batch.faults.push_back(std::move(fault));
    } else {
      ++more;
    }
  };
  for (const auto& fault : scan->errors) {
    batch.malformed = true;
    wrong({-1, fault.path, fault.value, fault.sentence()});
  }
  core::Bounds bounds(*rules.policy);
  auto never_opens = [&, known = std::optional<std::optional<core::Refusal>>()](
                         const JobSpec& spec) mutable -> const std::optional<core::Refusal>& {
    if (!known) known = core::window_never_opens(spec, now, cost_model);
    return *known;
  };
  std::unordered_map<std::string, int> index_of;
  const auto look_at = [&](int index, const tl::expected<JobSpec, FieldErrors>& job) {
    if (!job) {
      batch.malformed = true;
      for (const auto& fault : job.error())
        wrong({index, fault.path, fault.value, fault.sentence()});
      return;
    }
    const auto [earlier, fresh] = index_of.emplace(job->job_id, index);
    if (!fresh) {
      batch.malformed = true;
      wrong({index, "job_id", '"' + job->job_id + '"',
             fmt::format("job_id is \"{}\": job {} of the batch has it already", job->job_id,
                         earlier->second)});
      return;
    }
    auto record = admit(*job, rules);
    if (!record) {
      wrong({index, record.error().field, "", record.error().reason});
      return;
    }
    batch.dependencies.add(index, record->spec);
    ++batch.jobs_by_user[record->spec.user];
    if (record->spec.window == "off_peak") {
      if (const auto& refused = never_opens(record->spec))
        wrong({index, refused->field, "", refused->reason});
    }
    if (batch.faults.empty()) batch.jobs.push_back(candidate_of(std::move(*record), bounds));
  };
  const auto jobs = core::read_jobs(data, look_at);
  if (!jobs) return fail(jobs.error());
  batch.dependencies.check_inside(
      index_of, [&](int index, const std::string& field, const std::string& reason) {
        batch.malformed = true;
        wrong({index, field, "", reason});
      });
  if (const auto most = rules.policy->max_batch_jobs; *jobs > most) {
    wrong(
        {-1, "jobs", "",
         fmt::format("the batch has {} jobs: expected at most {} (max_batch_jobs)", *jobs, most)});
  }
  if (more > 0) {
    batch.faults.push_back({-1, "", "", fmt::format("{} more errors are left out", more)});
  }
  return batch;
}

}  // namespace oppen::answers
