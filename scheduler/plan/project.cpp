#include "scheduler/plan/project.hpp"

#include <algorithm>
#include <cmath>

#include "scheduler/plan/path.hpp"

namespace oppen::plan {
namespace {

constexpr std::size_t most_steps = 80'000;      // jobs times paths, where there is a choice
constexpr std::int64_t most_looks = 2'000'000;  // behind the head, of all paths together
constexpr std::size_t backfill_cost = 4;        // of a job, in steps

// How many paths can be afforded, and which of them in order are p50 and p90, from 0.
struct Quantiles {
  int paths;
  std::size_t p50;
  std::size_t p90;
};
Quantiles affordable(const View& view, std::size_t to) {
  const auto steps = view.backfill
                         ? backfill_cost * (to + backfill_candidates + view.running.size())
                         : to + view.running.size();
  if (steps * 29 <= most_steps) return {29, 14, 26};
  if (steps * 9 <= most_steps) return {9, 4, 8};
  return {1, 0, 0};
}

std::optional<Time> after(Time now, std::int64_t milliseconds) {
  if (milliseconds == Release::never) return std::nullopt;
  return now + std::chrono::milliseconds(milliseconds);
}

}  // namespace

std::vector<Expected> project(const View& view, std::size_t from, std::size_t to) {
  to = std::min(to, view.waiting.size());
  from = std::min(from, to);
  std::vector<Expected> all(to - from);
  if (view.paused || all.empty()) return all;

  const Setup setup(view, from, to);
  const auto wanted = affordable(view, to);
  std::vector<std::vector<Path::Start>> paths;
  for (int number = 0; number < wanted.paths; ++number)
    paths.push_back(Path(setup, number, wanted.paths, most_looks / wanted.paths).follow());

  std::vector<std::int64_t> starts(paths.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t path = 0; path < paths.size(); ++path) starts[path] = paths[path][i].at;
    std::sort(starts.begin(), starts.end());
    auto& expected = all[i];
    expected.start_p50 = after(view.now, starts[wanted.p50]);
    expected.start_p90 = after(view.now, starts[wanted.p90]);
    if (paths.size() == 1 && expected.start_p90) {
      *expected.start_p90 += std::chrono::milliseconds(
          std::llround(z90 * 1000 * static_cast<double>(paths[0][i].lateness_seconds)));
    }
    if (expected.start_p50) {
      expected.end_p50 =
          *expected.start_p50 +
          std::chrono::milliseconds(std::llround(view.waiting[from + i].p50_seconds * 1000.0F));
    }
  }
  return all;
}

}  // namespace oppen::plan
