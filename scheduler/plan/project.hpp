#pragma once
// When waiting jobs will start, if nothing else is submitted: a discrete-event projection of the queue.
// Pure: no clock, no I/O, the same view gives the same answer. Any thread; the view's spans are borrowed
// for the call. No errors: what can't be known is absent.
//
// A path is one possible future: each run is given a duration, and launching is played through as decide
// does it. Durations are log-normal, ln(seconds) = ln(p50) + spread z + doubt y, with z drawn for each job
// and y for each path (what an estimate errs by, it errs by for the whole queue), and no longer than the
// enforced run time. What is left of a live attempt is drawn on the condition that it has run so long.
// An attempt holds its room for longer than its run: its pod is created and placed, images are pulled, its end is noticed. That `overhead`
// is drawn beside the run, in the same way.
//
// - As far as it is affordable, m = 199 to 29 paths are followed, and the quantiles are their order
//   statistics: p50 the middle one, p90 that of rank 0.9 (m + 1). By exchangeability the true start is at or
//   below the j-th of m equally likely ones with probability j / (m + 1). Source: H. David, H. Nagaraja, Order
//   Statistics, 3rd edition, section 7.2 (distribution-free prediction).
// - Beyond some 2,700 jobs one path is followed, whose z are spread evenly (golden ratio sequence)
//   rather than drawn, and by the central limit theorem
//     p90 = start + 1.2816 sqrt(V + B^2),  V = sum of var(D) (a / u)^2,  B = sum of doubt D a / u
//   over the runs that ended before it, where a / u is the run's part of what was taken of the resource
//   that the head of the queue lacked: a run that takes one of S slots and ends late by d delays those
//   behind it by d / S. Overheads are summed in the same way, with a B of their own.
// Both leave out what is not submitted yet: more urgent jobs that come later start before. A dependency is
// taken to succeed.
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/plan/decide.hpp"
#include "scheduler/plan/log_normal.hpp"
#include "scheduler/plan/reason.hpp"
#include "scheduler/plan/window.hpp"
#include "schemas/time.hpp"

namespace oppen::plan {

// What keeps a job from being looked at. `retry` is over at not_before, `window` holds whenever the window
// is closed; the other two are over when someone says so.
enum class Hold : std::uint8_t { none, retry, window, budget, paused };

// 64 bytes, so that a queue of 100,000 can be kept in memory as it is asked about.
struct Waiting {
  Amounts amounts;
  Time not_before{};
  float p50_seconds = 0;
  float spread = 0;  // of ln(seconds), as in Estimate; 0: exact
  float doubt = 0;
  std::uint32_t max_runtime_seconds = 86'400;
  std::uint32_t first_dependency = 0;  // in View::dependencies
  std::uint16_t dependencies = 0;      // how many: those that have not ended
  Priority priority : 8 = Priority::normal;
  Hold hold : 8 = Hold::none;
};

static_assert(sizeof(Waiting) == 64);

struct Running {
  Priority priority = Priority::normal;
  Amounts amounts;
  float p50_seconds = 0;  // of the whole run
  float spread = 0;
  float doubt = 0;
  Time launched_at{};
  Time started_at{};  // now or later: it has not begun
  Time ends_by{};     // enforced; Time::max(): not bounded
};

struct View {
  Time now{};
  bool backfill = false;
  bool paused = false;               // the whole queue
  std::optional<Time> paused_until;  // where the pause has an end
  Capacity capacity;                 // `ours` are exactly the attempts of `running`
  LogNormal overhead;                // of an attempt: what it holds its room for beside its run
  std::span<const Running> running;
  std::span<const Waiting> waiting;  // in order of launching, held ones in their places
  // Indices: of a waiting job, or waiting.size() + that of a live attempt.
  std::span<const std::uint32_t> dependencies;
  std::span<const Window> off_peak;  // from now on; after the last it is taken to be closed
};

struct Expected {
  std::optional<Time> start_p50;  // absent: held without an end, or not within the windows known
  std::optional<Time> start_p90;
  std::optional<Time> end_p50;  // start_p50 + p50 of the overhead and of the duration
};

// Of waiting[from] to waiting[to - 1]. Costs what lies before `to` (all, when one of these is held): about
// 100 ns for each job and path, of which there are some 80,000 at most, or one path of a longer queue. With
// backfill, looking behind the head is given up after a while, and what is left is projected in strict order.
std::vector<Expected> project(const View& view, std::size_t from, std::size_t to);
// Of all that waits in both, which differ in nothing but policies, by the same number of paths: what differs is the policies' doing.
std::pair<std::vector<Expected>, std::vector<Expected>> project_both(const View& one,
                                                                     const View& other);
// Of these waiting jobs alone, in ascending order: memory for no others. Costs what lies before the last.
std::vector<Expected> project(const View& view, std::span<const std::uint32_t> indices);

// Why waiting[index] does not start at once; nullopt: it does, at the next decision. `id_of` names a
// waiting job or live attempt by the index that View::dependencies uses, and is asked for at most one.
// Reason::budget is left to the caller, who knows it.
std::optional<Reason> explain(const View& view, std::size_t index,
                              const std::function<std::string(std::size_t)>& id_of);

}  // namespace oppen::plan
