#include "workers/cost/report/report.hpp"

#include <algorithm>
#include <map>

namespace oppen::cost {
namespace {

std::string key_of(const DayKey& key, GroupBy by) {
  switch (by) {
    case GroupBy::model:
      return key.model_type;
    case GroupBy::workload:
      return key.workload_type;
    case GroupBy::team:
      return key.team;
    case GroupBy::project:
      return key.project;
    case GroupBy::gpu_type:
      return key.gpu_type;
    case GroupBy::pod_namespace:
      return key.pod_namespace;
    case GroupBy::day:
      return to_text(key.day);
    case GroupBy::run:
      break;
  }
  return "";
}

// Of a run, where it has one.
std::optional<std::string> key_of(const RunRecord& run, GroupBy by) {
  switch (by) {
    case GroupBy::model:
      return run.model_type;
    case GroupBy::workload:
      return run.workload_type;
    case GroupBy::team:
      return run.team;
    case GroupBy::project:
      return run.project;
    case GroupBy::gpu_type:
      return run.gpu_type;
    default:
      return std::nullopt;
  }
}

Spent less(Spent a, const Spent& b) {
  a.gpu_microusd -= b.gpu_microusd;
  a.cpu_microusd -= b.cpu_microusd;
  a.memory_microusd -= b.memory_microusd;
  a.total_microusd -= b.total_microusd;
  a.run_ms -= b.run_ms;
  a.gpu_ms -= b.gpu_ms;
  a.core_ms -= b.core_ms;
  a.gib_ms -= b.gib_ms;
  a.measured_microusd -= b.measured_microusd;
  a.effective_microusd -= b.effective_microusd;
  return a;
}

bool is_nothing(const Spent& spent) {
  return spent.gpu_microusd == 0 && spent.cpu_microusd == 0 && spent.memory_microusd == 0 &&
         spent.total_microusd == 0 && spent.run_ms == 0 && spent.gpu_ms == 0;
}

using Groups = std::map<std::string, Group>;

void count_by_day(const ReportInput& input, Time now, Groups& groups) {
  for (auto& [key, group] : groups) group.runs = 0;
  for (const RunRecord& run : input.runs) {
    if (!run.started_at) continue;
    const auto first =
        std::max(std::chrono::floor<std::chrono::days>(*run.started_at), input.range.from);
    const auto end = std::chrono::floor<std::chrono::days>(run.ended_at.value_or(now));
    for (auto day = first; day <= end && day < input.range.to; day += std::chrono::days{1}) {
      if (const auto found = groups.find(to_text(day)); found != groups.end())
        ++*found->second.runs;
    }
  }
}

void count_runs(const ReportInput& input, Time now, Groups& groups) {
  if (!input.all_runs || input.by == GroupBy::pod_namespace) return;
  if (input.by == GroupBy::day) return count_by_day(input, now, groups);
  for (auto& [key, group] : groups) group.runs = 0;
  const auto count = [&groups](const std::string& key) {
    if (const auto found = groups.find(key); found != groups.end()) ++*found->second.runs;
  };
  for (const RunRecord& run : input.runs) {
    if (const auto key = key_of(run, input.by)) count(*key);
    if (input.by != GroupBy::gpu_type) continue;
    for (const auto& type : run.other_gpu_types) count(type);
  }
}

std::vector<Group> groups_of_days(const ReportInput& input, Time now) {
  Groups groups;
  for (const DayRow& row : input.days) {
    if (!input.filter.matches(row.key)) continue;
    auto& group = groups[key_of(row.key, input.by)];
    group.spent += row.spent;
  }
  count_runs(input, now, groups);
  std::vector<Group> list;
  for (auto& [key, group] : groups) {
    group.key = key;
    list.push_back(std::move(group));
  }
  return list;
}

std::vector<Group> groups_of_runs(const ReportInput& input, const Spent& total) {
  std::vector<Group> list;
  Spent listed;
  for (const RunRecord& run : input.runs) {
    listed += run.spent;
    list.push_back({run.job_id.empty() ? run.run_id : run.job_id, false, run.spent, 1, run});
  }
  if (const Spent rest = less(total, listed); !is_nothing(rest))
    list.push_back({"", true, rest, std::nullopt, std::nullopt});
  return list;
}

}  // namespace

std::string_view to_string(GroupBy by) {
  constexpr std::string_view names[] = {"run",     "model",    "workload",  "team",
                                        "project", "gpu-type", "namespace", "day"};
  return names[static_cast<std::size_t>(by)];
}

bool ReportFilter::matches(const DayKey& key) const {
  return (team.empty() || team == key.team) && (project.empty() || project == key.project) &&
         (model_type.empty() || model_type == key.model_type);
}

std::optional<MicroUsd> Group::average() const {
  if (runs.value_or(0) <= 0) return std::nullopt;
  const auto half = *runs / 2;
  const auto amount = spent.total_microusd;
  return MicroUsd{(amount < 0 ? amount - half : amount + half) / *runs};
}

Use use_of(const Spent& spent) {
  Use use;
  use.wasted_microusd = spent.measured_microusd - spent.effective_microusd;
  const auto percent = [](std::int64_t part, std::int64_t whole) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  };
  if (spent.gpu_ms > 0 && spent.gpu_microusd > 0)
    use.measured_percent = percent(spent.measured_microusd, spent.gpu_microusd);
  if (spent.measured_microusd > 0)
    use.effective_percent = percent(spent.effective_microusd, spent.measured_microusd);
  return use;
}

IdleReport idle_report(const IdleSums& sums) {
  const auto sorted = [](const std::map<std::string, IdleSum>& by_name) {
    IdleReport::Sums list(by_name.begin(), by_name.end());
    std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
      return a.second.idle_microusd > b.second.idle_microusd;
    });
    return list;
  };
  IdleReport report{sums.total, sorted(sums.gpu_types), sorted(sums.nodes)};
  if (report.nodes.size() > most_idle_nodes) report.nodes.resize(most_idle_nodes);
  return report;
}

Report make_report(const ReportInput& input, Time now) {
  Report report;
  report.range = input.range;
  report.by = input.by;
  report.filter = input.filter;
  report.as_of = now;
  report.ongoing = now < Time(input.range.to);
  report.earlier = input.range.before();
  for (const DayRow& row : input.days) {
    if (input.filter.matches(row.key)) report.total.spent += row.spent;
  }
  report.kept_from = input.kept_from;
  if (!input.idle.nodes.empty()) report.idle = idle_report(input.idle);
  if (input.earlier_kept) {
    std::int64_t earlier = 0;
    for (const DayRow& row : input.earlier) {
      if (input.filter.matches(row.key)) earlier += row.spent.total_microusd;
    }
    report.earlier_microusd = earlier;
  }
  if (input.all_runs) {
    report.total.runs = static_cast<std::int64_t>(input.runs.size());
    double seconds = 0;
    for (const RunRecord& run : input.runs) seconds += run.run_seconds;
    if (!input.runs.empty())
      report.mean_run_seconds = seconds / static_cast<double>(input.runs.size());
  }
  report.groups = input.by == GroupBy::run ? groups_of_runs(input, report.total.spent)
                                           : groups_of_days(input, now);
  if (input.by != GroupBy::day) {
    std::stable_sort(report.groups.begin(), report.groups.end(),
                     [](const Group& a, const Group& b) {
                       if (a.rest != b.rest) return b.rest;
                       return a.spent.total_microusd > b.spent.total_microusd;
                     });
  }
  return report;
}

void keep_first(Report& report, std::size_t groups) {
  auto& all = report.groups;
  std::size_t kept = 0;
  report.left_out +=
      std::erase_if(all, [&](const Group& group) { return !group.rest && kept++ >= groups; });
}

}  // namespace oppen::cost
