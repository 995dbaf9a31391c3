#include "scheduler/core/batch_dependencies.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scheduler/core/holds.hpp"

namespace oppen::core {
namespace {

// Each is a call of Redis in the step that makes the batch visible.
constexpr std::size_t most_edges = 20'000;
constexpr std::size_t read_at_once = 250;
constexpr std::size_t most_named = 5;  // jobs of a circle

}  // namespace

void BatchDependencies::add(int index, const JobSpec& job) {
  for (std::size_t i = 0; i < job.after.size() && edges_.size() <= most_edges; ++i)
    edges_.push_back({index, static_cast<int>(i), job.job_id, job.after[i]});
}

Status BatchDependencies::check(const std::unordered_map<std::string, int>& index_of,
                                queue::QueueStore& store, const Wrong& wrong) {
  check_inside(index_of, wrong);
  return check_outside([&store](const auto& job_ids) { return store.jobs(job_ids); }, wrong);
}

void BatchDependencies::check_inside(const std::unordered_map<std::string, int>& index_of,
                                     const Wrong& wrong) {
  if (edges_.size() > most_edges) {
    wrong(-1, "after",
          fmt::format("the batch names more than {} jobs to wait for in all", most_edges));
    return;
  }
  std::unordered_set<std::string> seen;
  for (const auto& edge : edges_) {
    if (!index_of.contains(edge.dependency) && seen.insert(edge.dependency).second)
      outside_.push_back(edge.dependency);
  }
  check_circles(index_of, wrong);
}

Status BatchDependencies::check_outside(const Records& records, const Wrong& wrong) {
  std::unordered_map<std::string, std::string> faults;
  for (std::size_t begin = 0; begin < outside_.size(); begin += read_at_once) {
    const auto end = std::min(outside_.size(), begin + read_at_once);
    const auto found = records({outside_.begin() + static_cast<std::ptrdiff_t>(begin),
                                outside_.begin() + static_cast<std::ptrdiff_t>(end)});
    if (!found) return fail(found.error());
    for (std::size_t i = begin; i < end; ++i) {
      const auto& record = (*found)[i - begin];
      if (const auto why = wrong_dependency(record)) faults[outside_[i]] = *why;
      if (record && record->state == JobState::succeeded) succeeded_.insert(outside_[i]);
    }
  }
  for (const auto& edge : edges_) {
    const auto fault = faults.find(edge.dependency);
    if (fault == faults.end()) continue;
    const auto field = fmt::format("after[{}]", edge.place);
    wrong(edge.index, field,
          fmt::format("{} is \"{}\": {}", field, edge.dependency, fault->second));
  }
  return {};
}

// Takes away again and again the jobs that wait for none that is left (A. Kahn, Communications of the ACM 5, 1962). What stays waits for
// a circle.
void BatchDependencies::check_circles(const std::unordered_map<std::string, int>& index_of,
                                      const Wrong& wrong) const {
  std::unordered_map<int, int> open;                     // job -> dependencies left
  std::unordered_map<int, std::vector<const Edge*>> of;  // dependency -> who waits for it
  std::unordered_map<int, std::vector<int>> waits_for;   // job -> its dependencies
  for (const auto& edge : edges_) {
    const auto inside = index_of.find(edge.dependency);
    if (inside == index_of.end()) continue;
    ++open[edge.index];
    of[inside->second].push_back(&edge);
    waits_for[edge.index].push_back(inside->second);
  }
  std::vector<int> free;
  for (const auto& [dependency, edges] : of) {
    if (!open.contains(dependency)) free.push_back(dependency);
  }
  while (!free.empty()) {
    const auto job = free.back();
    free.pop_back();
    const auto waiting = of.find(job);
    if (waiting == of.end()) continue;
    for (const auto* edge : waiting->second) {
      if (--open[edge->index] == 0) free.push_back(edge->index);
    }
  }
  std::erase_if(open, [](const auto& job) { return job.second == 0; });
  if (open.empty()) return;

  // From any of them, along what is left, to a job that has been passed already.
  std::unordered_map<int, std::string> names;
  for (const auto& edge : edges_) names[edge.index] = edge.job;
  int job = std::min_element(open.begin(), open.end())->first;
  std::vector<int> path;
  while (std::find(path.begin(), path.end(), job) == path.end()) {
    path.push_back(job);
    const auto& next = waits_for.at(job);
    job = *std::find_if(next.begin(), next.end(), [&](int one) { return open.contains(one); });
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), job));
  std::string circle;
  for (std::size_t i = 0; i < std::min(path.size(), most_named); ++i)
    circle += names[path[i]] + " after ";
  if (path.size() > most_named) circle += fmt::format("{} more after ", path.size() - most_named);
  wrong(job, "after", "these jobs wait for each other: " + circle + names[job]);
}

bool BatchDependencies::waits(const JobSpec& job) const {
  return std::any_of(job.after.begin(), job.after.end(),
                     [&](const std::string& id) { return !succeeded_.contains(id); });
}

queue::StagedBatch::Dependencies BatchDependencies::take() {
  queue::StagedBatch::Dependencies taken;
  for (auto& edge : edges_) {
    taken.pairs.push_back(std::move(edge.dependency));
    taken.pairs.push_back(std::move(edge.job));
  }
  taken.outside = std::move(outside_);
  return taken;
}

}  // namespace oppen::core
