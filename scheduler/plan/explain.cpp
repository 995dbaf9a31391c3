// Why a job waits, as the next decision sees it.
#include <algorithm>

#include "scheduler/plan/path.hpp"
#include "scheduler/plan/project.hpp"
#include "scheduler/plan/room.hpp"

namespace oppen::plan {
namespace {

using IdOf = std::function<std::string(std::size_t)>;

Reason of(Reason::Kind kind) {
  Reason reason;
  reason.kind = kind;
  return reason;
}

bool is_held(const View& view, const Waiting& job) {
  return job.dependencies > 0 || allowed_from(view, job, 0) > 0;
}

// What holds the job itself, wherever it stands.
std::optional<Reason> hold_of(const View& view, const Waiting& job, const IdOf& id_of) {
  if (view.paused || job.hold == Hold::paused) {
    auto paused = of(Reason::Kind::paused);
    if (view.paused) paused.until = view.paused_until;
    return paused;
  }
  if (!is_held(view, job)) return std::nullopt;
  if (job.hold == Hold::budget) return of(Reason::Kind::budget_hold);
  Reason reason;
  if (job.dependencies > 0) {
    reason.kind = Reason::Kind::depends_on;
    reason.job = id_of(view.dependencies[job.first_dependency]);
    reason.count = job.dependencies;
    return reason;
  }
  reason.kind = job.not_before > view.now ? Reason::Kind::retry_hold : Reason::Kind::window;
  if (job.not_before > view.now) {
    reason.until = job.not_before;
  } else if (const auto opens = allowed_from(view, job, 0); opens != Release::never) {
    reason.until = view.now + std::chrono::milliseconds(opens);
  }
  return reason;
}

// As many of the jobs that are not held, from the first on, as the next decision may look at.
struct Front {
  std::vector<std::size_t> indices;
  std::vector<WaitingJob> jobs;
};
Front front_of(const View& view) {
  const auto free = view.capacity.max_concurrent_jobs - view.capacity.taken_slots();
  const auto most =
      static_cast<std::size_t>(std::max<std::int64_t>(0, free)) + 1 + backfill_candidates;
  Front front;
  for (std::size_t i = 0; i < view.waiting.size() && front.jobs.size() < most; ++i) {
    const auto& job = view.waiting[i];
    if (is_held(view, job)) continue;
    front.indices.push_back(i);
    front.jobs.push_back({job.priority, job.amounts, false, job.max_runtime_seconds});
  }
  return front;
}

}  // namespace

std::optional<Reason> explain(const View& view, std::size_t index, const IdOf& id_of) {
  const auto& job = view.waiting[index];
  // Before anything else that it waits for: nothing else would help.
  if (const auto quota = too_large(job.amounts, job.priority, view.capacity.quotas))
    return reason_of(*quota);
  if (auto reason = hold_of(view, job, id_of)) return reason;

  const auto front = front_of(view);
  std::vector<LiveAttempt> live;
  for (const auto& attempt : view.running)
    live.push_back({attempt.priority, attempt.amounts, attempt.ends_by});
  const auto choice = decide(front.jobs, live, view.capacity, view.now, view.backfill);
  Room room(view.capacity);
  std::int64_t launched_before = 0;
  for (const auto i : choice.launch) {
    if (front.indices[i] == index) return std::nullopt;
    if (front.indices[i] < index) ++launched_before;
    room.take(front.jobs[i].priority, front.jobs[i].amounts);
  }
  // The job is not held and not launched: there is a head, which is at or before it.
  const auto head = front.indices[*choice.head];
  const auto blocked = reason_of(*choice.block);
  if (head == index) return blocked;

  Reason reason;
  reason.job = id_of(head);
  reason.because = blocked.sentence();
  const auto looked_at = std::binary_search(front.indices.begin(), front.indices.end(), index);
  if (view.backfill && looked_at && room.fits(job.priority, job.amounts)) {
    reason.kind = Reason::Kind::reserved_for;
    reason.until = choice.reserved_at;
    return reason;
  }
  reason.kind = Reason::Kind::behind;
  reason.count = -launched_before;
  for (std::size_t i = 0; i < index; ++i) reason.count += is_held(view, view.waiting[i]) ? 0 : 1;
  return reason;
}

}  // namespace oppen::plan
