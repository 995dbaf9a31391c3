// Where the money goes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "producers/access/event_text.hpp"
#include "producers/access/render.hpp"
#include "producers/agent/tools.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;
using namespace access;

// Whole days and what of today has passed.
double elapsed_days(Time now, int days) {
  const auto midnight = std::chrono::floor<std::chrono::days>(now);
  const double of_today = Seconds(now - midnight).count() / 86'400;
  return days - 1 + std::max(of_today, 1.0 / 24);
}

std::string percent_text(const json& object, const char* name) {
  return object.contains(name) ? fmt::format("{:.0f} %", number_field(object, name))
                               : "not measured";
}

json by_workload(const json& days, double elapsed) {
  std::map<std::string, json> sums;
  for (const json& row : days) {
    json& sum = sums[text_field(row, "workload_type")];
    for (const char* const name : {"total_microusd", "measured_microusd", "effective_microusd"})
      sum[name] = whole_of(sum, name) + whole_of(row, name);
  }
  json list = json::array();
  for (auto& [name, sum] : sums) {
    const auto total = whole_of(sum, "total_microusd");
    json one = {{"workload_type", name},
                {"total_microusd", total},
                {"per_day_microusd", std::llround(static_cast<double>(total) / elapsed)}};
    if (const auto measured = whole_of(sum, "measured_microusd"); measured > 0)
      one["utilization_percent"] = 100.0 *
                                   static_cast<double>(whole_of(sum, "effective_microusd")) /
                                   static_cast<double>(measured);
    list.push_back(std::move(one));
  }
  std::sort(list.begin(), list.end(), [](const json& a, const json& b) {
    return whole_of(a, "total_microusd") > whole_of(b, "total_microusd");
  });
  return list;
}

json by_day(const json& days) {
  std::map<std::string, std::int64_t> sums;
  for (const json& row : days) sums[text_field(row, "day")] += whole_of(row, "total_microusd");
  json list = json::array();
  for (const auto& [day, total] : sums) list.push_back({{"day", day}, {"total_microusd", total}});
  return list;
}

// The first `limit` groups, without what is outside of the days.
json dearest(const json& report, std::size_t limit) {
  json list = json::array();
  for (const json& group : report.value("groups", json::array())) {
    if (!group.value("rest", false) && list.size() < limit) list.push_back(group);
  }
  return list;
}

std::string analysis_text(const json& analysis, int days) {
  std::string text = fmt::format("Costs of the last {} days ({} to {}): {}, {} a day\n", days,
                                 text_field(analysis, "from"), text_field(analysis, "to"),
                                 money_field(analysis, "total_microusd"),
                                 money_field(analysis, "per_day_microusd"));
  for (const json& one : analysis["workloads"]) {
    text += fmt::format(
        "{} jobs cost {} a day, GPU utilisation {}\n", printable(text_field(one, "workload_type")),
        money_field(one, "per_day_microusd"), percent_text(one, "utilization_percent"));
  }
  if (analysis.contains("wasted_microusd"))
    text += "Paid for GPUs that did not work: " + money_field(analysis, "wasted_microusd") + "\n";
  const json trend = analysis.value("trend", json::object());
  if (!trend.empty())
    text +=
        fmt::format("Trend: {} in as many days before{}\n", money_field(trend, "total_microusd"),
                    trend.contains("change_percent")
                        ? fmt::format(", {:+.0f} %", number_field(trend, "change_percent"))
                        : "");
  if (analysis.contains("month_forecast_microusd"))
    text += "This month will cost about " + money_field(analysis, "month_forecast_microusd") + "\n";
  const auto list = [&text](const json& groups, const char* title) {
    if (groups.empty()) return;
    std::vector<std::vector<std::string>> rows;
    for (const json& group : groups) {
      rows.push_back(
          {text_field(group, "key"), money_field(group, "total_microusd"),
           group.contains("share_percent")
               ? fmt::format("{:.0f} %", number_field(group, "share_percent"))
               : "",
           percent_text(group, "effective_percent"),
           group.contains("wasted_microusd") ? money_field(group, "wasted_microusd") : ""});
    }
    text += "\n" +
            table({{title}, {"COST", true}, {"SHARE", true}, {"GPU USE", true}, {"WASTED", true}},
                  std::move(rows), 0);
  };
  list(analysis["models"], "MODEL");
  list(analysis["runs"], "RUN");
  return text;
}

Outcome analyze(Backend& backend, const json& arguments) {
  const int days = static_cast<int>(whole_of(arguments, "days"));
  const auto limit = static_cast<std::size_t>(whole_of(arguments, "limit"));
  const Time now = backend.now();
  const std::vector<std::pair<const char*, std::string>> filter = {
      {"from", day_text(now, days - 1)},
      {"to", day_text(now)},
      {"team", text_of(arguments, "team")},
      {"project", text_of(arguments, "project")},
      {"model_type", text_of(arguments, "model_type")}};
  const auto report_by = [&](const char* by) {
    auto parameters = filter;
    parameters.emplace_back("by", by);
    return backend.get(query("report", parameters));
  };
  const auto models = report_by("model");
  if (!models) return failed(models.error());
  const auto runs = report_by("run");
  if (!runs) return failed(runs.error());
  const auto costs = backend.get(query("costs", filter));
  if (!costs) return failed(costs.error());
  const json total = models->value("total", json::object());
  const double elapsed = elapsed_days(now, days);
  json analysis = {{"from", text_field(*models, "from")},
                   {"to", text_field(*models, "to")},
                   {"total_microusd", whole_of(total, "total_microusd")},
                   {"per_day_microusd",
                    std::llround(static_cast<double>(whole_of(total, "total_microusd")) / elapsed)},
                   {"workloads", by_workload(costs->value("days", json::array()), elapsed)},
                   {"days", by_day(costs->value("days", json::array()))},
                   {"models", dearest(*models, limit)},
                   {"runs", dearest(*runs, limit)}};
  if (total.contains("effective_percent"))
    analysis["utilization_percent"] = total["effective_percent"];
  if (total.contains("wasted_microusd")) analysis["wasted_microusd"] = total["wasted_microusd"];
  if (models->contains("before")) analysis["trend"] = (*models)["before"];
  const auto month =
      backend.get(query("forecast", {{"period", "month"},
                                     {"team", text_of(arguments, "team")},
                                     {"project", text_of(arguments, "project")},
                                     {"model_type", text_of(arguments, "model_type")}}));
  if (month)
    analysis["month_forecast_microusd"] =
        whole_of(month->value("total_microusd", json::object()), "expected");
  return Told{analysis_text(analysis, days), analysis};
}

Tool analyze_tool() {
  return {"analyze_costs",
          "Analyse costs",
          "Where the money goes: cost a day by kind of work with GPU utilisation, the most "
          "expensive models and runs, what idle GPUs cost, the trend "
          "against the days before, and what the month will cost.",
          Effect::read,
          days_schema({{"days", limit_schema(7, 90, "How many days back, today included.")},
                       {"project", {{"type", "string"}, {"maxLength", 63}}},
                       {"limit", limit_schema(5, 100, "How many models and runs to list.")}}),
          told_schema(
              json::parse(R"json({
            "from": {"type": "string"}, "to": {"type": "string"}, "total_microusd": {"type": "integer"},
            "per_day_microusd": {"type": "integer"}, "utilization_percent": {"type": "number"}, "wasted_microusd": {"type": "integer"},
            "workloads": {"type": "array", "items": {"type": "object"}}, "days": {"type": "array", "items": {"type": "object"}},
            "models": {"type": "array", "items": {"type": "object"}}, "runs": {"type": "array", "items": {"type": "object"}},
            "trend": {"type": "object", "description": "As many days just before."},
            "month_forecast_microusd": {"type": "integer"}})json"),
              {"from", "to", "total_microusd", "per_day_microusd", "workloads", "models", "runs"}),
          {{"days", 7}},
          analyze};
}

}  // namespace

void add_analysis_tools(std::vector<Tool>& tools) { tools.push_back(analyze_tool()); }

}  // namespace oppen::agent
