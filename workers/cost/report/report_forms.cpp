// A report as JSON and as CSV.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "workers/cost/report/csv.hpp"
#include "workers/cost/report/report.hpp"

namespace oppen::cost {
namespace {

using nlohmann::json;

constexpr double ms_per_hour = 3'600'000;

double gpu_hours(GpuTimeSum gpu_time) {
  return static_cast<double>(gpu_time) / (ms_per_hour * 1'000'000);
}

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{:.2f}", *value) : "";
}

json group_json(const Group& group, std::int64_t total) {
  json out = to_json(group.spent);
  if (group.runs) out["runs"] = *group.runs;
  if (const auto average = group.average()) out["average_microusd"] = average->value;
  if (total != 0)
    out["share_percent"] =
        100.0 * static_cast<double>(group.spent.total_microusd) / static_cast<double>(total);
  return out;
}

json idle_json(const IdleSum& sum) {
  return {{"capacity_microusd", sum.capacity_microusd},
          {"taken_microusd", sum.taken_microusd},
          {"idle_microusd", sum.idle_microusd},
          {"unreconciled_microusd", sum.unreconciled_microusd},
          {"capacity_gpu_hours", gpu_hours(sum.capacity_time)},
          {"taken_gpu_hours", gpu_hours(sum.taken_time)},
          {"idle_gpu_hours", gpu_hours(sum.idle_time)},
          {"unreconciled_gpu_hours", gpu_hours(sum.unreconciled_time)}};
}

json idle_json(const char* name, const IdleReport::Sums& sums) {
  json list = json::array();
  for (const auto& [key, sum] : sums) {
    list.push_back(idle_json(sum));
    list.back()[name] = key;
  }
  return list;
}

}  // namespace

json to_json(const Spent& spent) {
  json out = {{"total_microusd", spent.total_microusd},
              {"gpu_microusd", spent.gpu_microusd},
              {"cpu_microusd", spent.cpu_microusd},
              {"memory_microusd", spent.memory_microusd},
              {"run_hours", static_cast<double>(spent.run_ms) / ms_per_hour},
              {"gpu_hours", static_cast<double>(spent.gpu_ms) / ms_per_hour}};
  const Use use = use_of(spent);
  if (use.measured_percent) out["measured_percent"] = *use.measured_percent;
  if (spent.measured_microusd != 0) {
    out["measured_microusd"] = spent.measured_microusd;
    out["effective_microusd"] = spent.effective_microusd;
    out["wasted_microusd"] = use.wasted_microusd;
  }
  if (use.effective_percent) out["effective_percent"] = *use.effective_percent;
  return out;
}

json to_json(const RunRecord& run) {
  json out = {{"state", run.state},
              {"model_type", run.model_type},
              {"run_seconds", run.run_seconds},
              {"attempts", run.attempts}};
  const auto put = [&out](const char* name, const std::string& text) {
    if (!text.empty()) out[name] = text;
  };
  put("job_id", run.job_id);
  put("run_id", run.run_id);
  put("name", run.name);
  put("team", run.team);
  put("project", run.project);
  put("user", run.user);
  put("gpu_type", run.gpu_type);
  if (run.started_at) out["started_at"] = to_rfc3339(*run.started_at);
  if (run.ended_at) out["ended_at"] = to_rfc3339(*run.ended_at);
  if (!run.metrics.empty()) out["metrics"] = run.metrics;
  return out;
}

json to_json(const DayRow& row) {
  json out = to_json(row.spent);
  out.update({{"day", to_text(row.key.day)},
              {"team", row.key.team},
              {"project", row.key.project},
              {"model_type", row.key.model_type},
              {"workload_type", row.key.workload_type},
              {"gpu_type", row.key.gpu_type},
              {"namespace", row.key.pod_namespace}});
  return out;
}

json to_json(const Report& report) {
  const auto last_day = [](const DayRange& range) {
    return to_text(range.to - std::chrono::days{1});
  };
  const auto total = report.total.spent.total_microusd;
  json groups = json::array();
  for (const Group& group : report.groups) {
    json one = group_json(group, total);
    one["key"] = group.key;
    if (group.rest) one["rest"] = true;
    if (group.run) one["run"] = to_json(*group.run);
    groups.push_back(std::move(one));
  }
  json whole = group_json(report.total, 0);
  if (report.mean_run_seconds) whole["mean_run_seconds"] = *report.mean_run_seconds;
  json out = {{"from", to_text(report.range.from)}, {"to", last_day(report.range)},
              {"by", to_string(report.by)},         {"as_of", to_rfc3339(report.as_of)},
              {"ongoing", report.ongoing},          {"groups", std::move(groups)},
              {"total", std::move(whole)}};
  if (report.left_out > 0) out["groups_left_out"] = report.left_out;
  if (report.earlier_microusd) {
    const auto before = *report.earlier_microusd;
    json& trend = out["before"] = {{"from", to_text(report.earlier.from)},
                                   {"to", last_day(report.earlier)},
                                   {"total_microusd", before},
                                   {"change_microusd", total - before}};
    if (before > 0)
      trend["change_percent"] =
          100.0 * static_cast<double>(total - before) / static_cast<double>(before);
  }
  if (report.idle) {
    json& idle = out["idle"] = idle_json(report.idle->total);
    idle["gpu_types"] = idle_json("gpu_type", report.idle->gpu_types);
    idle["nodes"] = idle_json("node", report.idle->nodes);
  }
  if (report.kept_from) out["kept_from"] = to_text(*report.kept_from);
  if (!report.filter.team.empty()) out["team"] = report.filter.team;
  if (!report.filter.project.empty()) out["project"] = report.filter.project;
  if (!report.filter.model_type.empty()) out["model_type"] = report.filter.model_type;
  return out;
}

std::string to_csv(const Report& report) {
  std::string out;
  append_csv(out, {"row", std::string(to_string(report.by)), "from", "to", "total_microusd",
                   "gpu_microusd", "cpu_microusd", "memory_microusd", "runs", "average_microusd",
                   "gpu_hours", "measured_microusd", "effective_microusd", "wasted_microusd",
                   "share_percent"});
  const auto total = report.total.spent.total_microusd;
  const auto line = [&](const char* row, const Group& group) {
    const Spent& spent = group.spent;
    const auto average = group.average();
    std::optional<double> share;
    if (total != 0)
      share = 100.0 * static_cast<double>(spent.total_microusd) / static_cast<double>(total);
    append_csv(
        out, {row, csv_text(group.key), to_text(report.range.from),
              to_text(report.range.to - std::chrono::days{1}), std::to_string(spent.total_microusd),
              std::to_string(spent.gpu_microusd), std::to_string(spent.cpu_microusd),
              std::to_string(spent.memory_microusd), group.runs ? std::to_string(*group.runs) : "",
              average ? std::to_string(average->value) : "",
              fmt::format("{:.6f}", static_cast<double>(spent.gpu_ms) / ms_per_hour),
              std::to_string(spent.measured_microusd), std::to_string(spent.effective_microusd),
              std::to_string(use_of(spent).wasted_microusd), number(share)});
  };
  for (const Group& group : report.groups) line(group.rest ? "rest" : "group", group);
  line("total", report.total);
  if (!report.idle) return out;
  const auto idle_line = [&](const char* row, const std::string& gpu_type, std::int64_t microusd,
                             GpuTimeSum gpu_time) {
    append_csv(out, {row, csv_text(gpu_type), to_text(report.range.from),
                     to_text(report.range.to - std::chrono::days{1}), std::to_string(microusd),
                     std::to_string(microusd), "0", "0", "", "",
                     fmt::format("{:.6f}", gpu_hours(gpu_time)), "0", "0", "0", ""});
  };
  for (const auto& [gpu_type, sum] : report.idle->gpu_types) {
    idle_line("idle", gpu_type, sum.idle_microusd, sum.idle_time);
    if (sum.unreconciled_time != 0)
      idle_line("unreconciled", gpu_type, sum.unreconciled_microusd, sum.unreconciled_time);
  }
  return out;
}

}  // namespace oppen::cost
