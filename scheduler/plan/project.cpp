#include "scheduler/plan/project.hpp"

#include <algorithm>
#include <cmath>

#include "scheduler/plan/path.hpp"

namespace oppen::plan {
namespace {

constexpr std::size_t most_steps = 80'000;             // jobs times paths, where there is a choice
constexpr std::int64_t most_looks = 3'000'000;         // behind the head, of all paths together
constexpr std::int64_t most_looks_of_one = 1'000'000;  // path
constexpr std::size_t backfill_cost = 4;               // of a job, in steps

// How many paths can be afforded: one, or tenths x 10 - 1 with tenths from 3 to 20.
struct Plan {
  std::size_t paths = 1;
  std::size_t tenths = 0;
};
Plan affordable(const View& view, std::size_t to) {
  const auto steps = view.backfill
                         ? backfill_cost * (to + backfill_candidates + view.running.size())
                         : to + view.running.size();
  const auto tenths = std::min<std::size_t>(20, (most_steps / steps + 1) / 10);
  if (tenths < 3) return {};
  return {tenths * 10 - 1, tenths};
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
  const auto paths_in_all = static_cast<int>(wanted.paths);
  const auto looks = std::min(most_looks / paths_in_all, most_looks_of_one);
  std::vector<std::vector<Path::Start>> paths;
  for (int number = 0; number < paths_in_all; ++number)
    paths.push_back(Path(setup, number, paths_in_all, looks).follow());

  // The 5 x tenths-th and the 9 x tenths-th in order.
  const auto median = wanted.tenths > 0 ? 5 * wanted.tenths - 1 : 0;
  const auto ninth = wanted.tenths > 0 ? 9 * wanted.tenths - 1 : 0;
  std::vector<std::int64_t> starts(paths.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t path = 0; path < paths.size(); ++path) starts[path] = paths[path][i].at;
    std::sort(starts.begin(), starts.end());
    auto& expected = all[i];
    expected.start_p50 = after(view.now, starts[median]);
    expected.start_p90 = after(view.now, starts[ninth]);
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
