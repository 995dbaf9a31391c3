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

json by_workload(const json& groups, double elapsed) {
  json list = json::array();
  for (const json& group : groups) {
    const auto total = whole_of(group, "total_microusd");
    json one = {{"workload_type", text_field(group, "key")},
                {"total_microusd", total},
                {"per_day_microusd", std::llround(static_cast<double>(total) / elapsed)}};
    if (group.contains("effective_percent"))
      one["utilization_percent"] = group["effective_percent"];
    list.push_back(std::move(one));
  }
  return list;
}

json by_day(const json& groups) {
  json list = json::array();
  for (const json& group : groups)
    list.push_back({{"day", group.at("key")}, {"total_microusd", group.at("total_microusd")}});
  return list;
}

// The groups without what is outside of the days.
json groups_of(const json& report) {
  json list = json::array();
  for (const json& group : report.at("groups")) {
    if (!group.value("rest", false)) list.push_back(group);
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
  const Time now = backend.now();
  const auto answer =
      backend.get(query("analysis", {{"from", day_text(now, days - 1)},
                                     {"to", day_text(now)},
                                     {"team", text_of(arguments, "team")},
                                     {"project", text_of(arguments, "project")},
                                     {"model_type", text_of(arguments, "model_type")},
                                     {"limit", arguments["limit"].dump()}}));
  if (!answer) return failed(answer.error());
  const json& reports = answer->at("reports");
  const json& models = reports.at("model");
  const json total = models.value("total", json::object());
  const double elapsed = elapsed_days(now, days);
  json analysis = {{"from", text_field(models, "from")},
                   {"to", text_field(models, "to")},
                   {"total_microusd", whole_of(total, "total_microusd")},
                   {"per_day_microusd",
                    std::llround(static_cast<double>(whole_of(total, "total_microusd")) / elapsed)},
                   {"workloads", by_workload(reports.at("workload").at("groups"), elapsed)},
                   {"days", by_day(reports.at("day").at("groups"))},
                   {"models", groups_of(models)},
                   {"runs", groups_of(reports.at("run"))}};
  if (total.contains("effective_percent"))
    analysis["utilization_percent"] = total["effective_percent"];
  if (total.contains("wasted_microusd")) analysis["wasted_microusd"] = total["wasted_microusd"];
  if (models.contains("before")) analysis["trend"] = models["before"];
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
