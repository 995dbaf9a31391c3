// The part of Batches that decides a staged batch: its jobs claim their ids, it is made visible or given up.
//
// That takes Redis and the core some 100 ms for 10,000 jobs, and is done in steps of some milliseconds with other tasks and commands in
// between. Nobody sees a claimed job: it is in no queue and in no sum. Only a command that names it could, so the batch is then decided
// first (decide_first), as if it had been at once. A leader that dies in between leaves claims behind; the next one takes them back before
// it looks at any job (QueueStore::discard_stages), and begins the batch again.
#include <fmt/format.h>

#include "scheduler/core/batches.hpp"
#include "scheduler/core/user_limit.hpp"

namespace oppen::core {
namespace {

using queue::Changes;

constexpr int claimed_at_once = 250;
constexpr std::size_t max_existing = 1000;  // that are named

}  // namespace

struct Batches::Decision {
  Decision(std::string batch, std::int64_t of, BatchStager::Outcome staged)
      : batch_id(std::move(batch)),
        offset(of),
        outcome(std::move(staged)),
        errors(std::move(outcome.errors)),
        slices(outcome.staged, claimed_at_once),
        giving_up(!errors.empty()) {}

  std::string batch_id;
  std::int64_t offset;
  BatchStager::Outcome outcome;
  std::vector<BatchRejected::JobError> errors;  // not empty: it will be rejected
  queue::Slices slices;                         // what is not claimed yet
  std::vector<queue::ToldJob> told;
  bool giving_up;
  bool stale = false;  // what was staged is of another time
  bool over = false;
};

Batches::~Batches() = default;

Status Batches::on_staged(const std::string& batch_id, std::int64_t offset,
                          BatchStager::Outcome outcome) {
  deciding_ = std::make_shared<Decision>(batch_id, offset, std::move(outcome));
  if (!deciding_->giving_up) state_.claimed = Claimed(deciding_->outcome.staged);
  return go_on();
}

Status Batches::go_on() {
  const auto decision = deciding_;
  if (auto status = step(*decision); !status) return status;
  if (decision->over) return decided();
  post_([this, waiting = std::weak_ptr<Decision>(decision)] {
    return waiting.expired() ? Status() : go_on();  // decided meanwhile
  });
  return {};
}

Status Batches::decide_first(std::span<const std::string> job_ids) {
  const bool named = std::any_of(job_ids.begin(), job_ids.end(), [this](const std::string& id) {
    return state_.claimed.contains(id);
  });
  if (!named) return {};
  while (!deciding_->over) {
    if (auto status = step(*deciding_); !status) return status;
  }
  return decided();
}

Status Batches::decided() {
  deciding_.reset();
  state_.claimed = {};
  staging_ = false;
  return stage_next();
}

Status Batches::step(Decision& decision) {
  if (decision.giving_up) return give_up_some(decision);
  auto& staged = decision.outcome.staged;
  auto claimed = state_.store.claim_jobs(decision.batch_id, decision.slices.next());
  if (!claimed) return fail(claimed.error());
  decision.told.insert(decision.told.end(), claimed->told.begin(), claimed->told.end());
  for (const auto& job : claimed->existing) {
    if (decision.errors.size() == max_existing) break;
    decision.errors.push_back(
        {queue::index_of(job.place), "job_id",
         fmt::format("job_id is \"{}\": a job of this id exists already", job.id)});
  }
  if (!decision.slices.done()) return {};

  staged.leave_out(decision.told);
  std::optional<BatchHeader> header;
  if (auto status = judge(decision, header); !status) return status;
  if (decision.giving_up) return {};
  const auto published = state_.store.publish_batch(decision.batch_id, decision.outcome.record,
                                                    decision.outcome.event, header->parts, staged);
  if (!published) return fail(published.error());
  state_.counters = published->counters;
  state_.settling = state_.settling || published->settling;
  const auto& order = staged.order;
  if (std::any_of(order.begin(), order.end(),
                  [](const auto& waiting) { return waiting.first.starts_with("budget:"); }))
    state_.held_for_budget = true;
  decision.over = true;
  return {};
}

Status Batches::judge(Decision& decision, std::optional<BatchHeader>& header) {
  auto loaded = load(decision.batch_id);
  if (!loaded) return fail(loaded.error());
  header = std::move(*loaded);
  if (!header) {
    return fail(ErrorKind::conflict, "the record of batch " + decision.batch_id + " is gone");
  }
  auto& errors = decision.errors;
  const auto total = decision.outcome.total_cost;
  if (header->state != "receiving" || header->offset != decision.offset) {
    decision.stale = true;
  } else if (errors.empty() && !header->cancelled_by.empty()) {
    errors.push_back({-1, "", "cancelled by " + header->cancelled_by + " before it was queued"});
  } else if (errors.empty() && header->max_total && total > *header->max_total) {
    errors.push_back({-1, "max_total_microusd",
                      fmt::format("the batch is estimated at {}, above its ceiling of {}",
                                  to_string(total), to_string(*header->max_total))});
  } else if (errors.empty() && decision.told.empty()) {  // what was told of it was allowed then
    const auto too_many = UserLimit(state_.store, state_.policy->max_jobs_per_user)
                              .refusal(decision.outcome.staged.users);
    if (!too_many) return fail(too_many.error());
    if (*too_many) errors.push_back({-1, (*too_many)->field, (*too_many)->reason});
  }
  decision.giving_up = decision.stale || !errors.empty();
  return {};
}

Status Batches::give_up_some(Decision& decision) {
  const auto left = state_.store.discard_some(decision.batch_id);
  if (!left) return fail(left.error());
  if (*left > 0) return {};
  decision.over = true;
  if (decision.stale) return {};
  auto header = load(decision.batch_id);
  if (!header) return fail(header.error());
  if (!*header) {
    return fail(ErrorKind::conflict, "the record of batch " + decision.batch_id + " is gone");
  }
  return reject(decision.batch_id, std::move(**header), std::move(decision.errors), Changes());
}

}  // namespace oppen::core
