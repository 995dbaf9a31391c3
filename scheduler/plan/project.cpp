#include "scheduler/plan/project.hpp"

#include <algorithm>
#include <cmath>

#include "scheduler/plan/path.hpp"
#include "scheduler/plan/played.hpp"

namespace oppen::plan {
namespace {

constexpr std::size_t most_steps = 80'000;             // jobs times paths, where there is a choice
constexpr std::int64_t most_looks = 3'000'000;         // behind the head, of all paths together
constexpr std::int64_t most_looks_of_one = 1'000'000;  // path
constexpr std::size_t backfill_cost = 4;               // of a job, in steps

// How many jobs a path plays through: those before `to`, or all of them while it waits for a hold to end.
std::size_t jobs_before(const Setup& setup) {
  const auto& view = setup.view;
  for (std::size_t i = 0; i < setup.asked(); ++i) {
    const auto& job = view.waiting[setup.index_of(i)];
    if (job.hold != Hold::none || job.not_before > view.now || job.dependencies > 0)
      return view.waiting.size();
  }
  return setup.to;
}

// How many paths can be afforded: 1, or tenths x 10 - 1 with tenths from 3 to 20; 0 stands for the former.
std::size_t affordable_tenths(const View& view, std::size_t jobs) {
  const auto steps = view.backfill
                         ? backfill_cost * (jobs + backfill_candidates + view.running.size())
                         : jobs + view.running.size();
  const auto tenths = (most_steps / std::max<std::size_t>(steps, 1) + 1) / 10;
  return tenths < 3 ? 0 : std::min<std::size_t>(20, tenths);
}

std::optional<Time> after(Time now, std::int64_t milliseconds) {
  if (milliseconds == Release::never) return std::nullopt;
  return now + std::chrono::milliseconds(milliseconds);
}

using Paths = std::vector<std::vector<Path::Start>>;

bool has_starts(const View& view) { return !view.paused || view.paused_until; }

std::vector<Expected> expected_of(const Setup& setup, std::size_t tenths, const Paths& paths) {
  const auto& view = setup.view;
  std::vector<Expected> all(setup.asked());
  // The 5 x tenths-th and the 9 x tenths-th in order.
  const auto median = tenths > 0 ? 5 * tenths - 1 : 0;
  const auto ninth = tenths > 0 ? 9 * tenths - 1 : 0;
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
          std::chrono::milliseconds(std::llround(
              (view.overhead.p50_seconds + double{view.waiting[setup.index_of(i)].p50_seconds}) *
              1000));
    }
  }
  return all;
}

std::vector<Expected> project(const Setup& setup, std::size_t tenths) {
  if (setup.asked() == 0 || !has_starts(setup.view)) return std::vector<Expected>(setup.asked());
  const int many = tenths > 0 ? static_cast<int>(10 * tenths) - 1 : 1;
  const auto looks = std::min(most_looks / many, most_looks_of_one);
  Paths paths;
  paths.reserve(static_cast<std::size_t>(many));
  for (int number = 0; number < many; ++number)
    paths.push_back(Path(setup, number, many, looks).follow());
  return expected_of(setup, tenths, paths);
}

std::vector<Expected> project(const Setup& setup) {
  return project(setup, affordable_tenths(setup.view, jobs_before(setup)));
}

}  // namespace

std::vector<Expected> project(const View& view, std::size_t from, std::size_t to) {
  to = std::min(to, view.waiting.size());
  return project(Setup(view, std::min(from, to), to, {}));
}

std::pair<std::vector<Expected>, std::vector<Expected>> project_both(const View& one,
                                                                     const View& other) {
  const auto jobs = one.waiting.size();
  const auto tenths = std::min(affordable_tenths(one, jobs), affordable_tenths(other, jobs));
  return {project(Setup(one, 0, jobs, {}), tenths), project(Setup(other, 0, jobs, {}), tenths)};
}

std::vector<Expected> project(const View& view, std::span<const std::uint32_t> indices) {
  if (indices.empty()) return {};
  return project(Setup(view, indices.front(), indices.back() + std::size_t{1}, indices));
}

namespace {

bool are_alike(const Capacity& a, const Capacity& b) {
  return a.max_concurrent_jobs == b.max_concurrent_jobs && std::ranges::equal(a.ours, b.ours) &&
         a.foreign == b.foreign && a.strays == b.strays && a.quotas == b.quotas;
}

}  // namespace

struct Played::Kept {
  Queue queue;
  Capacity capacity;
  std::optional<Time> paused_until;
  std::vector<Window> off_peak;
  std::size_t waiting = 0;  // with those asked about: what is drawn for attempts goes by it
  std::size_t from = 0;
  Path path;  // borrows what is gone

  bool is_before(const View& view, std::size_t first, Queue of) const {
    return queue == of && waiting == view.waiting.size() && from == first &&
           are_alike(capacity, view.capacity) && paused_until == view.paused_until &&
           std::equal(off_peak.begin(), off_peak.end(), view.off_peak.begin(), view.off_peak.end());
  }
};

Played::Played() = default;
Played::~Played() = default;

std::vector<Expected> Played::project(const View& view, std::span<const std::uint32_t> indices,
                                      Queue queue) {
  if (indices.empty()) return {};
  const Setup setup(view, indices.front(), indices.back() + std::size_t{1}, indices);
  if (view.backfill || view.paused || !view.dependencies.empty() ||
      affordable_tenths(view, jobs_before(setup)) > 0)
    return plan::project(view, indices);
  if (!kept_ || !kept_->is_before(view, setup.from, queue)) {
    Path path(setup, 0, 1, most_looks_of_one);
    path.follow_to(static_cast<std::uint32_t>(setup.from));
    kept_.reset(new Kept{queue,
                         view.capacity,
                         view.paused_until,
                         {view.off_peak.begin(), view.off_peak.end()},
                         view.waiting.size(),
                         setup.from,
                         std::move(path)});
  } else {
    ++hits_;
  }
  return expected_of(setup, 0, {Path(kept_->path, setup).follow()});
}

}  // namespace oppen::plan
