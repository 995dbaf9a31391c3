#include "scheduler/core/batch_stager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "scheduler/core/batch_dependencies.hpp"
#include "scheduler/core/batch_scan.hpp"
#include "scheduler/core/events.hpp"
#include "scheduler/core/holds.hpp"
#include "workers/cost/budgets/budget.hpp"
#include "workers/runtime/memory.hpp"

namespace oppen::core {
namespace {

constexpr std::size_t stage_chunk_jobs = 250;
constexpr int kept_jobs = 500;            // of a batch; some 2 KB each
constexpr std::size_t max_errors = 1000;  // in one batch.rejected; the rest is counted

}  // namespace

// What of the batch goes before the next job of each priority: everything of a higher one, and what
// stands before it in its own.
struct BatchStager::Ahead {
  std::int64_t jobs[3] = {};
  double seconds[3] = {};

  void add(const queue::JobRecord& job, std::size_t priority) {
    ++jobs[priority];
    seconds[priority] += job.estimated_seconds;
  }
  void add_below(const queue::JobRecord& job) {
    for (auto lower = static_cast<std::size_t>(job.priority) + 1; lower < 3; ++lower)
      add(job, lower);
  }
};

struct BatchStager::Plan {
  Ahead ahead;                         // of the first job
  std::vector<queue::JobRecord> jobs;  // all of them, or none when they are too many to keep
  BatchDependencies dependencies;
};

BatchStager::BatchStager(std::unique_ptr<runtime::Redis> redis, const std::string& topic_prefix,
                         std::int64_t epoch, Post post)
    : redis_(std::move(redis)), store_(*redis_, topic_prefix, epoch), post_(std::move(post)) {}

BatchStager::~BatchStager() = default;

void BatchStager::start(Work work, std::function<Status(Outcome)> done) {
  thread_ = std::jthread(
      [this, work = std::move(work), done = std::move(done)](const std::stop_token& stop) {
        auto outcome = run(work, stop);
        if (stop.stop_requested()) return;
        const auto shared = std::make_shared<Result<Outcome>>(std::move(outcome));
        post_([shared, done]() -> Status {
          return *shared ? done(std::move(**shared))
                         : fail(shared->error().in_context("staging a batch"));
        });
      });
}

Result<BatchStager::Outcome> BatchStager::run(const Work& work, const std::stop_token& stop) {
  Outcome outcome;
  Plan plan;
  if (auto status = check(work, stop, outcome, plan); !status) return fail(status.error());
  if (!outcome.errors.empty()) return outcome;
  const bool large = plan.jobs.empty();
  if (large) runtime::trim_memory();
  if (auto status = stage(work, stop, outcome, std::move(plan)); !status)
    return fail(status.error());
  if (large) runtime::trim_memory();
  return outcome;
}

Result<std::string> BatchStager::each_job(const Work& work, const std::stop_token& stop,
                                          const Take& take) {
  int first = 0;
  for (int number = 1; number <= work.header.parts; ++number) {
    const auto part = store_.value(part_key(work.batch_id, number));
    if (!part) return fail(part.error());
    if (!*part) return fmt::format("part {} is lost: submit the batch again", number);
    Status status;
    const auto jobs = read_jobs(**part, [&](int index, tl::expected<JobSpec, FieldErrors> job) {
      if (status && !stop.stop_requested()) status = take(first + index, job);
    });
    if (!status) return fail(status.error());
    if (stop.stop_requested()) return fail(ErrorKind::unavailable, "stopping");
    if (!jobs) return fail(ErrorKind::fatal, jobs.error().message);
    first += *jobs;
  }
  return std::string();
}

Status BatchStager::check(const Work& work, const std::stop_token& stop, Outcome& outcome,
                          Plan& plan) {
  std::unordered_map<std::string, int> index_of;
  int jobs = 0;
  std::size_t more_errors = 0;
  const auto wrong = [&](int index, const std::string& field, const std::string& reason) {
    if (outcome.errors.size() < max_errors) {
      outcome.errors.push_back({index, field, reason});
    } else {
      ++more_errors;
    }
  };
  auto never_opens = [&, known = std::optional<std::optional<Refusal>>()](
                         const JobSpec& spec) mutable -> const std::optional<Refusal>& {
    if (!known) known = window_never_opens(spec, work.outlook.at, *work.outlook.cost_model);
    return *known;
  };
  const auto look_at = [&](int index, const tl::expected<JobSpec, FieldErrors>& job) -> Status {
    jobs = index + 1;
    if (!job) {
      for (const auto& fault : job.error()) wrong(index, fault.path, fault.sentence());
      return {};
    }
    const auto [earlier, fresh] = index_of.emplace(job->job_id, index);
    if (!fresh) {
      wrong(index, "job_id",
            fmt::format("job_id is \"{}\": job {} of the batch has it already", job->job_id,
                        earlier->second));
    } else if (auto record = admit(*job, work.rules)) {
      plan.dependencies.add(index, record->spec);
      if (record->spec.window == "off_peak") {
        if (const auto refused = never_opens(record->spec))
          wrong(index, refused->field, refused->reason);
      }
      plan.ahead.add_below(*record);
      if (index < kept_jobs) plan.jobs.push_back(std::move(*record));
    } else {
      wrong(index, record.error().field, record.error().reason);
    }
    return {};
  };
  const auto lost = each_job(work, stop, look_at);
  if (!lost) return fail(lost.error());
  if (auto status = plan.dependencies.check(index_of, store_, wrong); !status) return status;
  if (!lost->empty()) outcome.errors = {{-1, "part", *lost}};
  if (more_errors > 0)
    outcome.errors.push_back({-1, "", fmt::format("{} more errors are left out", more_errors)});
  if (jobs > kept_jobs) plan.jobs = {};
  const auto max_jobs = work.rules.policy->max_batch_jobs;
  if (jobs > max_jobs) {
    outcome.errors.insert(
        outcome.errors.begin(),
        {-1, "jobs",
         fmt::format("the batch has {} jobs: expected at most {} (max_batch_jobs)", jobs,
                     max_jobs)});
  }
  return {};
}

Status BatchStager::stage(const Work& work, const std::stop_token& stop, Outcome& outcome,
                          Plan plan) {
  const auto now = work.outlook.at;
  std::vector<queue::StagedJob> chunk;
  std::vector<std::string> ids;
  std::vector<std::int64_t> positions;
  bool first = true;
  const auto write = [&]() -> Status {
    if (chunk.empty()) return {};
    auto status = store_.stage(work.batch_id, std::exchange(first, false), chunk);
    chunk.clear();
    return status;
  };
  const auto put = [&](int index, queue::JobRecord record) -> Status {
    const auto priority = static_cast<std::size_t>(record.priority);
    record.batch_id = work.batch_id;
    record.place = queue::place_of(work.header.offset, index);
    record.version = 1;
    record.seq = 1;
    record.submitted_at = now;
    record.control_from = work.control_from;
    record.hold = plan.dependencies.waits(record.spec) ? queue::Hold::dependency
                                                       : hold_by_window(record.spec);
    const bool covered =
        std::any_of(work.held_by.begin(), work.held_by.end(), [&](const BudgetSet::Scope& scope) {
          return budgets::covers(scope, record.spec.team, record.spec.project);
        });
    if (covered && record.hold != queue::Hold::dependency) record.hold = queue::Hold::budget;
    auto event =
        expectation(record, work.outlook, plan.ahead.jobs[priority], plan.ahead.seconds[priority]);
    plan.ahead.add(record, priority);
    record.estimated_cost = event.estimated_cost;
    record.expected_wait_seconds = std::llround(event.estimated_wait_seconds);
    event.job = record.context();
    event.source_offset = work.header.offset;
    event.batch_index = index;
    event.submitted_hash = record.submitted_hash;
    outcome.staged.add(record);
    ids.push_back(record.spec.job_id);
    positions.push_back(event.position);
    outcome.total_cost += event.estimated_cost;
    chunk.push_back({std::move(record), job_entry(event, now)});
    return chunk.size() < stage_chunk_jobs ? Status() : write();
  };
  int index = 0;
  for (auto& record : plan.jobs) {
    if (stop.stop_requested()) return fail(ErrorKind::unavailable, "stopping");
    if (auto status = put(index++, std::move(record)); !status) return status;
  }
  if (plan.jobs.empty()) {
    const auto put_job = [&](int its_index,
                             const tl::expected<JobSpec, FieldErrors>& job) -> Status {
      auto record = job ? admit(*job, work.rules) : tl::unexpected(refusal_of(job.error()));
      if (!record) return fail(ErrorKind::fatal, record.error().reason);
      return put(its_index, std::move(*record));
    };
    const auto lost = each_job(work, stop, put_job);
    if (!lost) return fail(lost.error());
    if (!lost->empty()) return fail(ErrorKind::conflict, *lost);
  }
  if (auto status = write(); !status) return status;
  outcome.staged.dependencies = plan.dependencies.take();

  auto header = work.header;
  header.state = "queued";
  header.jobs = std::move(ids);
  outcome.record = header.encode();
  const BatchQueued queued{work.batch_id, std::move(header.jobs), std::move(positions),
                           outcome.total_cost, header.offset};
  outcome.event = entry(topics::job_events, work.batch_id, work.batch_id + "/queued", queued, now);
  return {};
}

}  // namespace oppen::core
