#include "scheduler/core/budgets.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "scheduler/core/budget_gate.hpp"
#include "scheduler/core/events.hpp"
#include "scheduler/core/holds.hpp"
#include "schemas/control.hpp"
#include "workers/cost/budgets/unseen.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

constexpr auto budgets_key = "budgets";
constexpr std::chrono::minutes between_forgetting{1};
constexpr std::size_t most_decision_bytes = 10'000;
constexpr int looked_at_once = 250;  // records: Redis stands still for some milliseconds

// By the order in which they were read, which no clock can upset. Where that is not known, in a record that was made again from the
// events, by the clocks.
bool before_submission(const queue::JobRecord& job, const client::ConsumedRecord& decision) {
  if (job.control_from >= 0) return decision.offset < job.control_from;
  return job.submitted_at > decision.timestamp;
}

}  // namespace

Status Budgets::load() {
  const auto read = state_.store.meta("next:" + std::string(topics::control));
  if (!read) return fail(read.error());
  if (!*read) {
    queue::Changes changes;
    changes.meta(Proposals::replay_field, std::to_string(state_.epoch));
    if (auto committed = state_.commit(std::move(changes)); !committed)
      return fail(committed.error());
  }
  if (auto status = proposals_.load(); !status) return status;
  state_.control_read = *read ? std::strtoll((*read)->c_str(), nullptr, 10) : 0;
  const auto text = state_.store.value(budgets_key);
  if (!text) return fail(text.error());
  if (!*text) return {};
  auto book = budgets::Book::parse(**text);
  if (!book) return fail(book.error());
  state_.budgets = std::move(*book);
  return {};
}

Result<std::optional<std::string>> Budgets::on_control(const CloudEvent& event,
                                                       const client::ConsumedRecord& record) {
  state_.control_read = record.offset + 1;
  state_.rooms.reset();
  if (event.type == ApprovalDecided::type) return decide(event, record);
  if (event.type == ProposalCreated::type) {
    const auto proposal = parse_data<ProposalCreated>(event.data);
    if (!proposal) return std::optional(sentences(proposal.error()));
    return proposals_.take(*proposal, record);
  }
  if (event.type == BudgetSet::type) {
    auto set = parse_data<BudgetSet>(event.data);
    if (!set) return std::optional(sentences(set.error()));
    if (const auto taken = state_.budgets.take(*set); !taken) return std::optional(taken.error());
    state_.held_for_budget = true;  // its scope may be another, and its room the same
    spdlog::info("budget {} is {} a {}, {}", set->budget_id, budgets::dollars(set->amount),
                 set->period, set->mode);
  } else if (event.type == BudgetState::type) {
    const auto told = parse_data<BudgetState>(event.data);
    if (!told) return std::optional(sentences(told.error()));
    state_.budgets.take(*told, event.time);
  } else {
    return std::optional<std::string>();
  }
  if (auto status = remember(record); !status) return fail(status.error());
  return std::optional<std::string>();
}

Status Budgets::remember(const client::ConsumedRecord& record) {
  queue::Changes changes;
  changes.cause(std::string(topics::control), record.offset)
      .value(budgets_key, state_.budgets.text());
  return state_.commit(std::move(changes)).map([](auto&&) {});
}

Result<std::optional<std::string>> Budgets::decide(const CloudEvent& event,
                                                   const client::ConsumedRecord& record) {
  const auto decision = parse_data<ApprovalDecided>(event.data);
  if (!decision) return std::optional(sentences(decision.error()));
  // Who and why are repeated in the events that come of it, which are to fit as well.
  if (const auto bytes = event.data.dump().size(); bytes > most_decision_bytes)
    return std::optional(
        fmt::format("a decision of {} bytes: expected at most {}", bytes, most_decision_bytes));
  const auto of_proposal = proposals_.decide(*decision, record);
  if (!of_proposal) return fail(of_proposal.error());
  if (*of_proposal) return std::optional<std::string>();
  // The proposal to run a job bears the job's id.
  const auto& job_id = decision->job_id.empty() ? decision->proposal_id : decision->job_id;
  if (state_.claimed.contains(job_id)) return std::optional<std::string>();  // nobody sees it yet
  auto found = state_.store.job(job_id);
  if (!found) return fail(found.error());
  auto& job = *found;
  // What runs or has ended is not touched; what was submitted afterwards was not meant.
  if (!job || job->state != JobState::queued || before_submission(*job, record)) {
    spdlog::info("{} of {} by {} changes nothing: no such job waits", decision->decision, job_id,
                 decision->by);
    return std::optional<std::string>();
  }
  queue::Changes changes;
  changes.cause(std::string(topics::control), record.offset);
  if (decision->decision == "reject") {
    job->state = JobState::cancelled;
    job->seq += 1;
    job->ended_at = state_.clock.now();
    job->requested_by = decision->by;
    job->reason = "not approved" + (decision->reason.empty() ? "" : ": " + decision->reason);
    JobCancelled cancelled;
    cancelled.job = job->context();
    cancelled.end.ended_at = job->ended_at;
    cancelled.requested_by = job->requested_by;
    cancelled.reason = job->reason;
    changes.put(*job).event(job_entry(cancelled, *job->ended_at));
  } else {
    job->approved_by = decision->decision == "approve" ? decision->by : "";
    job->proposed.clear();
    if (job->hold == queue::Hold::budget) {
      job->hold = hold_by_window(job->spec);
      if (auto status = take_in(state_, *job); !status) return fail(status.error());
    }
    changes.put(*job);
  }
  if (auto committed = state_.commit(std::move(changes)); !committed)
    return fail(committed.error());
  return std::optional<std::string>();
}

Status Budgets::tick() {
  if (auto status = forget_unseen(); !status) return status;
  state_.rooms.reset();
  auto found = standings_with_reserved(state_);
  if (!found) return fail(found.error());
  if (!cursor_) {
    Rooms rooms;
    for (const auto& standing : *found)
      rooms.emplace_back(fmt::format("{} {} {} {}", standing.set.budget_id, standing.set.mode,
                                     to_rfc3339(standing.period.start), standing.summed),
                         standing.room());
    if (!std::exchange(state_.held_for_budget, false) && looked_with_ == rooms) return {};
    looked_with_ = std::move(rooms);
    cursor_ = Cursor();
    ++state_.looks;
  }
  queue::Changes changes;
  int left = looked_at_once;
  while (left > 0 && cursor_->priority < 3) {
    auto held =
        state_.store.held_by_budget(all_priorities[cursor_->priority], cursor_->after, left);
    if (!held) return fail(held.error());
    for (auto& record : *held) {
      cursor_->after = record.place;
      const auto& spec = record.spec;
      const auto* const full = budgets::in_the_way(
          *found, spec.team, spec.project, record.estimated_cost, !record.approved_by.empty());
      if (full != nullptr) {
        state_.held_by[full->set.budget_id] = state_.looks;
        // Another budget may be in its way by now, or the same in another period.
        if (propose(record, *full, state_.clock.now(), changes)) changes.put(record);
        continue;
      }
      keep_room(*found, record);
      // What it takes may be given back before the next look, which would see no change.
      looked_with_.clear();
      record.hold = hold_by_window(spec);
      changes.put(record);
    }
    left -= static_cast<int>(held->size());
    if (left > 0) cursor_ = Cursor{cursor_->priority + 1, -1};
  }
  if (cursor_->priority == 3) {
    cursor_.reset();
    std::erase_if(state_.held_by,
                  [this](const auto& holding) { return holding.second < state_.looks; });
  }
  if (changes.empty()) return {};
  return state_.commit(std::move(changes)).map([](auto&&) {});
}

Status Budgets::forget_unseen() {
  const auto now = state_.clock.now();
  if (now < next_forgetting_) return {};
  next_forgetting_ = now + between_forgetting;
  const auto unseen = state_.store.unseen();
  if (!unseen) return fail(unseen.error());
  queue::Changes changes;
  for (const auto& [field, cost] : *unseen) {
    const auto ended = budgets::read_unseen(field, cost);
    if (!ended || *ended->ended + unseen_kept < now) changes.seen(field);
  }
  if (changes.empty()) return {};
  return state_.commit(std::move(changes)).map([](auto&&) {});
}

}  // namespace oppen::core
