#include "scheduler/core/batches.hpp"

#include <fmt/format.h>

#include "scheduler/core/events.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using queue::Changes;
using JobErrors = std::vector<BatchRejected::JobError>;

constexpr auto parts_deadline = 5min;  // between the first part and the last
constexpr int max_begun = 5;

}  // namespace

Batches::Batches(State& state, Attempts& attempts, std::unique_ptr<BatchStager> stager,
                 std::string instance, BatchStager::Post post)
    : state_(state),
      attempts_(attempts),
      stager_(std::move(stager)),
      instance_(std::move(instance)),
      post_(std::move(post)) {}

Result<std::optional<BatchHeader>> Batches::load(const std::string& batch_id) {
  const auto text = state_.store.value("batch:" + batch_id);
  if (!text) return fail(text.error());
  if (!*text) return std::nullopt;
  return BatchHeader::decode(**text).map(
      [](BatchHeader header) { return std::optional<BatchHeader>(std::move(header)); });
}

Result<std::vector<std::string>> Batches::jobs_of(const std::string& batch_id) {
  return load(batch_id).map([](const std::optional<BatchHeader>& header) {
    return header ? header->jobs : std::vector<std::string>();
  });
}

Result<std::optional<std::string>> Batches::receive(const BatchScan& part, std::string& data,
                                                    std::int64_t offset) {
  const auto done = [](const Status& status) {
    return status.map([] { return std::optional<std::string>(); });
  };
  const auto now = state_.clock.now();
  const auto& batch_id = part.batch_id;
  if (batch_id.empty()) return std::optional<std::string>(sentences(part.errors));
  const bool valid = part.errors.empty();

  const auto loaded = load(batch_id);
  if (!loaded) return fail(loaded.error());
  Changes changes;
  changes.cause(std::string(topics::jobs), offset);
  const auto known = *loaded;
  // Read again after Redis came back older than the log, and answered then.
  if (known && known->state != "receiving" && offset <= known->offset) {
    return done(state_.commit(changes).map([](auto&&) {}));
  }
  const auto number = std::to_string(part.part);
  const bool seen = known && known->received.contains(number);
  const bool same = valid && seen && known->received.at(number) == part.digest;

  if (known && known->state == "queued") {
    // The first one stands. One answer for the whole: at its last part. What a rebuild knows nothing of is no conflict.
    const bool conflict = !valid || (!same && !known->received.empty());
    if (conflict || part.part == part.parts) {
      const BatchDuplicate duplicate{batch_id, known->first_seen, conflict};
      changes.event(answer_entry(batch_id, "duplicate", offset, duplicate, now));
    }
    return done(state_.commit(changes).map([](auto&&) {}));
  }
  if (known && known->state == "receiving" && (seen || known->complete())) {
    // The answer that is to come answers this one too, unless it asks for something else.
    if (same) {
      auto header = *known;
      header.repeated = offset;
      changes.value("batch:" + batch_id, header.encode());
    } else {
      changes.event(answer_entry(batch_id, "duplicate", offset,
                                 BatchDuplicate{batch_id, known->first_seen, true}, now));
    }
    return done(state_.commit(changes).map([](auto&&) {}));
  }
  // A further part of a batch that was rejected belongs to that rejection; one that comes again, or a first one, begins anew.
  if (known && known->state == "rejected" && !seen && number != "1") {
    auto header = *known;
    header.received[number] = part.digest;
    header.offset = offset;
    changes.value("batch:" + batch_id, header.encode(), queue::horizon);
    return done(state_.commit(changes).map([](auto&&) {}));
  }

  BatchHeader header = known && known->state == "receiving" ? *known : BatchHeader{};
  if (header.received.empty()) {
    header.first_seen = now;
    header.parts = valid ? part.parts : 1;
    if (valid) header.max_total = part.max_total;
  }
  header.received[number] = part.digest;
  if (valid) header.counts[number] = part.jobs;
  if (!valid || part.parts != header.parts) {
    JobErrors errors;
    if (!valid) {
      for (const auto& fault : part.errors) errors.push_back({-1, fault.path, fault.sentence()});
    } else {
      errors.push_back({-1, "parts",
                        fmt::format("parts is {}: expected {}, as in the part before", part.parts,
                                    header.parts)});
    }
    header.offset = offset;
    return done(reject(batch_id, header, std::move(errors), std::move(changes)));
  }
  int jobs = 0;
  for (const auto& [its_number, count] : header.counts) jobs += count;
  if (const auto most = state_.policy->max_batch_jobs; jobs > most) {
    const auto reason = fmt::format(
        "the batch has {} jobs or more: expected at most {} (max_batch_jobs)", jobs, most);
    header.offset = offset;
    return done(reject(batch_id, header, {{-1, "jobs", reason}}, std::move(changes)));
  }
  changes.open_batch(batch_id);
  changes.value(part_key(batch_id, part.part), std::move(data));
  header.offset = offset;
  changes.value("batch:" + batch_id, header.encode());
  if (auto committed = state_.commit(std::move(changes)); !committed)
    return fail(committed.error());
  receiving_[batch_id] = header.first_seen + parts_deadline;
  return done(header.complete() ? begin(batch_id) : Status());
}

Status Batches::reject(const std::string& batch_id, BatchHeader header, JobErrors errors,
                       Changes changes) {
  header.state = "rejected";
  for (const auto& [number, digest] : header.received)
    changes.erase(part_key(batch_id, std::atoi(number.c_str())));
  const auto now = state_.clock.now();
  // Whoever has repeated a part because it was not acknowledged waits for the answer to the repetition.
  header.offset = std::max(header.offset, header.repeated);
  const auto cause = std::max(header.offset, std::int64_t{0});
  changes.value("batch:" + batch_id, header.encode(), queue::horizon)
      .event(entry(topics::job_events, batch_id, fmt::format("{}/rejected/{}", batch_id, cause),
                   BatchRejected{batch_id, std::move(errors), cause}, now));
  changes.close_batch(batch_id);
  if (auto committed = state_.commit(std::move(changes)); !committed)
    return fail(committed.error());
  receiving_.erase(batch_id);
  return {};
}

// One batch at a time is staged and decided, in the order of the log: each may hold 10,000 jobs.
Status Batches::begin(const std::string& batch_id) {
  receiving_.erase(batch_id);
  complete_.push_back(batch_id);
  return stage_next();
}

Status Batches::stage_next() {
  while (!staging_ && !complete_.empty()) {
    const auto batch_id = complete_.front();
    complete_.pop_front();
    const auto header = load(batch_id);
    if (!header) return fail(header.error());
    if (!*header || (*header)->state != "receiving") continue;
    if (resumed_.erase(batch_id) > 0) {
      const auto may = begin_again(batch_id, **header);
      if (!may) return fail(may.error());
      if (!*may) continue;
    }
    staging_ = true;
    stager_->start(
        {batch_id, **header, state_.rules_to_keep(), attempts_.outlook(state_.clock.now()),
         state_.budgets.empty() ? -1 : state_.control_read, state_.budgets.held_scopes()},
        [this, batch_id, offset = (*header)->offset](BatchStager::Outcome outcome) {
          return on_staged(batch_id, offset, std::move(outcome));
        });
  }
  return {};
}

Result<bool> Batches::cancel_undecided(const JobCancel& command, std::int64_t offset) {
  auto header = load(command.batch_id);
  if (!header) return fail(header.error());
  if (!*header || (*header)->state != "receiving") return false;
  (*header)->cancelled_by = command.requested_by.empty() ? "its owner" : command.requested_by;
  Changes changes;
  changes.cause(std::string(topics::jobs), offset)
      .value("batch:" + command.batch_id, (*header)->encode());
  if (auto committed = state_.commit(changes); !committed) return fail(committed.error());
  if ((*header)->complete()) return true;  // judge() will see it
  return reject(command.batch_id, **header,
                {{-1, "", "cancelled by " + (*header)->cancelled_by + " before it was queued"}},
                Changes())
      .map([] { return true; });
}

// A batch that crashes the scheduler while it is staged must not do so for ever.
Result<bool> Batches::begin_again(const std::string& batch_id, BatchHeader header) {
  if (std::exchange(header.begun_by, instance_) != instance_) ++header.begun;
  if (header.begun > max_begun) {
    const auto reason = fmt::format(
        "{} schedulers have begun this batch and none has finished it: it seems to crash them",
        max_begun);
    return reject(batch_id, std::move(header), {{-1, "", reason}}, Changes()).map([] {
      return false;
    });
  }
  Changes changes;
  changes.value("batch:" + batch_id, header.encode());
  return state_.commit(std::move(changes)).map([](auto&&) { return true; });
}

Status Batches::resume() {
  const auto open = state_.store.open_batches();
  if (!open) return fail(open.error());
  for (const auto& batch_id : *open) {
    const auto header = load(batch_id);
    if (!header) return fail(header.error());
    Status status;
    if (!*header || (*header)->state != "receiving") {
      status = state_.commit(Changes().close_batch(batch_id)).map([](auto&&) {});
    } else if ((*header)->complete()) {
      resumed_.insert(batch_id);
      status = begin(batch_id);
    } else {
      // Counted from now: the other parts may be in the log already, unread while nobody led.
      receiving_[batch_id] = state_.clock.now() + parts_deadline;
    }
    if (!status) return status;
  }
  return {};
}

Status Batches::tick() {
  const auto now = state_.clock.now();
  std::vector<std::string> late;
  for (const auto& [batch_id, deadline] : receiving_) {
    if (now > deadline) late.push_back(batch_id);
  }
  for (const auto& batch_id : late) {
    const auto header = load(batch_id);
    if (!header) return fail(header.error());
    receiving_.erase(batch_id);
    if (!*header || (*header)->state != "receiving" || (*header)->complete()) continue;
    const auto reason = fmt::format("only {} of {} parts came within 5 minutes",
                                    (*header)->received.size(), (*header)->parts);
    if (auto status = reject(batch_id, **header, {{-1, "parts", reason}}, Changes()); !status)
      return status;
  }
  return {};
}

}  // namespace oppen::core
