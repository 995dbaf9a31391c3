// Tools that tell what jobs cost, and what they will.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "producers/access/budget_check.hpp"
#include "producers/access/cost_text.hpp"
#include "producers/access/event_text.hpp"
#include "producers/access/forecast_text.hpp"
#include "producers/access/recommendation_text.hpp"
#include "producers/access/render.hpp"
#include "producers/access/spec_input.hpp"
#include "producers/agent/tools.hpp"
#include "schemas/parse.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;
using namespace access;

constexpr auto own_budget = "(budget_usd)";

Outcome recommend(Backend& backend, const json& arguments) {
  auto answer = backend.get(query("recommendations", {{"run", text_of(arguments, "run_id")}}));
  if (!answer) return failed(answer.error());
  return Told{recommendations_text(*answer), *std::move(answer)};
}

// What `epochs` more would cost and take, by what the forecast takes for those that are left; of a run that has none left by what those
// took that it has done. null: it is not known how many epochs that is for.
json of_remaining(const json& forecast, std::int64_t epochs) {
  const json total = forecast.value("total_microusd", json::object());
  const json left = forecast.value("left_seconds", json::object());
  const auto all = whole_of(forecast, "epochs");
  const auto done = whole_of(forecast, "epochs_done");
  const auto spent = whole_of(forecast, "spent_microusd");
  const auto ahead = left.empty() ? 0 : all - done;
  auto of_epochs = ahead > 0 ? ahead : done;
  if (of_epochs < 1 && text_field(forecast, "state") == "succeeded") of_epochs = all;
  if (of_epochs < 1) return nullptr;
  const auto share = static_cast<double>(epochs) / static_cast<double>(of_epochs);
  json out = {{"remaining_epochs", epochs}};
  for (const char* const name : {"low", "expected", "high"}) {
    const double cost = number_field(total, name, number_field(total, "expected")) -
                        (ahead > 0 ? static_cast<double>(spent) : 0.0);
    out["cost_microusd"][name] = std::llround(std::max(cost, 0.0) * share);
    if (ahead > 0) out["seconds"][name] = number_field(left, name) * share;
  }
  return out;
}

Outcome forecast(Backend& backend, const json& arguments) {
  auto answer = backend.get("forecast/" + escaped(text_of(arguments, "job_name")));
  if (!answer) return failed(answer.error());
  Told told{cost_forecast_text(*answer), *std::move(answer)};
  if (!arguments.contains("remaining_epochs")) return told;
  const json more = of_remaining(told.data, whole_of(arguments, "remaining_epochs"));
  if (more.is_null()) {
    return failed(ErrorKind::refused,
                  "it is not known how many epochs " + text_of(arguments, "job_name") +
                      " has or has done, so not what more of them cost: ask without "
                      "remaining_epochs");
  }
  const json& cost = more["cost_microusd"];
  told.text += fmt::format("Of {} more epochs: {} ({} to {})", more["remaining_epochs"].dump(),
                           money_field(cost, "expected"), money_field(cost, "low"),
                           money_field(cost, "high"));
  if (more.contains("seconds"))
    told.text += ", " + duration_text(number_field(more["seconds"], "expected"));
  told.text += "\n";
  told.data["remaining"] = more;
  return told;
}

// About how many of the jobs, which are alike, run at once at most, and when the last one ends: as the scheduler would have it now. Starts are
// medians of what may happen, so that one that follows another may seem to begin a little before that ends. Two counts that don't mind are
// taken, both rather too low: how many first halves meet, and how much is done in the whole time.
json plan_of(const json& simulation) {
  std::vector<std::pair<Time, int>> edges;
  Time first = Time::max();
  Time last{};
  Seconds work{0};
  for (const json& job : simulation.value("jobs", json::array())) {
    const auto start = parse_rfc3339(text_field(job, "start_p50"));
    const auto end = parse_rfc3339(text_field(job, "end_p50"));
    if (!start || !end) continue;
    edges.emplace_back(*start, 1);
    edges.emplace_back(*start + (*end - *start) / 2, -1);
    first = std::min(first, *start);
    last = std::max(last, *end);
    work += *end - *start;
  }
  if (edges.empty()) return json::object();
  std::sort(edges.begin(), edges.end());
  int now = 0;
  int most = 0;
  for (const auto& [time, change] : edges) most = std::max(most, now += change);
  constexpr double noise = 0.2;
  if (last > first)
    most = std::max(most, static_cast<int>(std::ceil(work / Seconds(last - first) - noise)));
  return {{"at_once", most},
          {"last_end", to_rfc3339(last)},
          {"basis", "from the medians of when each starts and ends: at_once may be one too low"}};
}

Outcome check_budget(Backend& backend, const json& arguments) {
  json job = arguments;
  const auto runs = static_cast<std::size_t>(whole_of(job, "runs"));
  job.erase("runs");
  job.erase("budget_usd");
  if (const auto one = checked_job(job); !one)
    return failed(ErrorKind::invalid, "the job is not valid", one.error());
  json jobs = json::array();
  for (std::size_t i = 0; i < runs; ++i) jobs.push_back(job);
  const auto batch =
      checked_batch(json{{"jobs", std::move(jobs)}}.dump(), {make_job_id("check"), std::nullopt});
  if (!batch) return failed(ErrorKind::invalid, "the job is not valid", batch.error());
  auto budgets = backend.get("budgets");
  if (!budgets) return failed(budgets.error());
  const bool given = arguments.contains("budget_usd");
  const auto own = given ? micro_usd(arguments["budget_usd"]) : MicroUsd{};
  if (given) {
    const json one = {
        {"budget_id", own_budget},    {"mode", "hard"}, {"amount_microusd", own.value},
        {"left_microusd", own.value}, {"summed", true}, {"period_end", "more is allowed"}};
    json& all = (*budgets)["budgets"];
    all.insert(all.begin(), one);
  }
  const auto simulation = simulate_batch(backend, *batch);
  if (!simulation) return failed(simulation.error());
  json verdict = check_budgets(backend, *batch, *simulation, *budgets);
  Told told;
  const auto cost = whole_of(verdict, "estimated_cost_microusd");
  const bool feasible = verdict.value("feasible", false);
  told.text = fmt::format(
      "Budget check for {}{}{}\n", runs > 1 ? fmt::format("{} jobs of ", runs) : "",
      printable(text_of(job, "model_type")),
      job.contains("epochs") ? fmt::format(", {} epochs", whole_of(job, "epochs")) : "");
  if (given) told.text += "Budget: " + to_string(own) + "\n";
  told.text += "Forecast cost: " + to_string(MicroUsd{cost}) + "\n";
  if (given && own.value > 0) {
    const double used = 100.0 * static_cast<double>(cost) / static_cast<double>(own.value);
    verdict["utilization_percent"] = used;
    verdict["budget_microusd"] = own.value;
    told.text += fmt::format("Utilization: {:.1f} %\n", used);
    if (cost > own.value)
      told.text += "It exceeds the budget by " + to_string(MicroUsd{cost} - own) + "\n";
  }
  told.text += std::string("Status: ") + (feasible ? "FEASIBLE" : "NOT FEASIBLE") + "\n";
  if (runs > 1) {
    verdict["plan"] = plan_of(*simulation);
    if (const json& plan = verdict["plan"]; !plan.empty())
      told.text += fmt::format("At once: about {} of them; the last one ends about {} ({})\n",
                               plan["at_once"].dump(), text_field(plan, "last_end"),
                               text_field(plan, "basis"));
    told.text += outdated_text(*simulation);
  }
  told.text += "\n" + verdict_text(verdict, 0);
  told.data = std::move(verdict);
  return told;
}

Outcome report(Backend& backend, const json& arguments) {
  auto answer = backend.get(query("report", {{"by", text_of(arguments, "by")},
                                             {"from", text_of(arguments, "start_date")},
                                             {"to", text_of(arguments, "end_date")},
                                             {"month", text_of(arguments, "month")},
                                             {"quarter", text_of(arguments, "quarter")},
                                             {"team", text_of(arguments, "team")},
                                             {"project", text_of(arguments, "project")},
                                             {"model_type", text_of(arguments, "model_type")},
                                             {"limit", arguments["limit"].dump()}}));
  if (!answer) return failed(answer.error());
  Told told{report_text(*answer, 0), *std::move(answer)};
  if (const auto left_out = whole_of(told.data, "groups_left_out"); left_out > 0)
    told.text += fmt::format("{} more are in the total and not listed.\n", left_out);
  return told;
}

Outcome compare(Backend& backend, const json& arguments) {
  const auto batch =
      checked_batch(json{{"jobs", arguments["configs"]}}.dump(), {"config", std::nullopt});
  if (!batch) {
    auto faults = batch.error();
    for (auto& fault : faults) {
      if (fault.path.starts_with("jobs[")) fault.path.replace(0, 4, "configs");
    }
    return failed(ErrorKind::invalid, "the configurations are not valid", std::move(faults));
  }
  auto answer = backend.post("compare", to_text(*batch));
  if (!answer) return failed(answer.error());
  if (answer->contains("error")) return refused_by(*answer);
  return Told{comparison_text(*answer, 0), *std::move(answer)};
}

Tool recommend_tool() {
  return {"recommend_cost_optimization",
          "What would have been cheaper",
          "Of a run that has succeeded: what would have been cheaper (batch size, off-peak hours, "
          "spot, early stopping, GPU type, ...), "
          "each with savings, confidence, risk, evidence and the command for it.",
          Effect::read,
          object_schema(
              json::parse(R"json({"run_id": {"type": "string", "minLength": 1, "maxLength": 200,
            "description": "The id of a run or job, or a name: the latest one of it."}})json"),
              {"run_id"}),
          told_schema(json::parse(R"json({
            "job_id": {"type": "string"}, "run_id": {"type": "string"}, "state": {"type": "string"}, "ended": {"type": "boolean"},
            "total_microusd": {"type": "integer", "description": "What it has cost."},
            "recommendations": {"type": "array", "description": "The largest saving first.", "items": {"type": "object", "properties": {
              "strategy": {"type": "string"}, "description": {"type": "string"}, "savings_percent": {"type": "object"},
              "savings_microusd": {"type": "object"}, "confidence": {"type": "string"}, "risk": {"type": "string"},
              "evidence": {"type": "object"}, "action": {"type": "object"}}}}})json"),
                      {"ended", "recommendations"}),
          {{"run_id", "mnist-7"}},
          recommend};
}

Tool forecast_tool() {
  return {"forecast_training_cost",
          "Forecast of a job's cost",
          "What a job will have cost when it ends, and when that is, each with an interval; with "
          "remaining_epochs also what so many more "
          "epochs cost.",
          Effect::read,
          object_schema(json::parse(R"json({
            "job_name": {"type": "string", "minLength": 1, "maxLength": 200, "description": "The id of a job or run, or a name: the latest one of it."},
            "remaining_epochs": {"type": "integer", "minimum": 1, "maximum": 1000000}})json"),
                        {"job_name"}),
          told_schema(json::parse(R"json({
            "state": {"type": "string"}, "basis": {"type": "string", "description": "What the forecast is made from."},
            "spent_microusd": {"type": "integer"},
            "interval_percent": {"type": "number", "description": "How often the truth lies between low and high."},
            "total_microusd": {"type": "object", "description": "low, expected, high."},
            "left_seconds": {"type": "object"}, "end": {"type": "object"},
            "remaining": {"type": "object", "description": "Of remaining_epochs: cost_microusd and seconds."}})json"),
                      {"state", "basis", "spent_microusd", "total_microusd"}),
          {{"job_name", "mnist-7"}, {"remaining_epochs", 3}},
          forecast};
}

Tool check_budget_tool() {
  json input = job_schema();
  input["properties"].erase("job_id");
  input["properties"].erase("after");
  input["properties"]["budget_usd"] = {
      {"type", "number"},
      {"minimum", 0},
      {"maximum", 1e9},
      {"description", "The most that it may cost, in dollars, besides the standing budgets."}};
  input["properties"]["runs"] = {{"type", "integer"},
                                 {"minimum", 1},
                                 {"maximum", 1000},
                                 {"default", 1},
                                 {"description", "So many jobs of this kind."}};
  return {"check_training_budget",
          "Does it fit the budget?",
          "Says what a job (or several alike) would cost, whether that fits budget_usd and the "
          "standing budgets, and, where it does not, what a "
          "larger batch, the off-peak hours and spot nodes would cost instead. Submits nothing.",
          Effect::read,
          std::move(input),
          told_schema(json::parse(R"json({
            "feasible": {"type": "boolean"}, "estimated_cost_microusd": {"type": "integer"},
            "budget_microusd": {"type": "integer"}, "utilization_percent": {"type": "number"},
            "budgets": {"type": "array", "items": {"type": "object"}},
            "alternatives": {"type": "array", "items": {"type": "object", "properties": {
              "changes": {"type": "object"}, "estimated_cost_microusd": {"type": "integer"}, "feasible": {"type": "boolean"}}}},
            "plan": {"type": "object", "description": "Of several: at_once, last_end, and what these are from (basis): estimates."}})json"),
                      {"feasible", "estimated_cost_microusd", "budgets"}),
          {{"model_type", "mnist"}, {"epochs", 2}, {"batch_size", 64}, {"budget_usd", 0.05}},
          check_budget};
}

Tool report_tool() {
  return {
      "get_training_cost_report",
      "Cost report",
      "What runs have cost in some days (of UTC), a month or a quarter, by run, model, team or "
      "other; with the average and the change against "
      "the days before. Without any dates: this month.",
      Effect::read,
      object_schema(
          {{"start_date",
            {{"type", "string"},
             {"maxLength", 10},
             {"description", "The first day, such as 2026-01-01."}}},
           {"end_date",
            {{"type", "string"}, {"maxLength", 10}, {"description", "The last day, included."}}},
           {"month",
            {{"type", "string"},
             {"maxLength", 7},
             {"description", "Such as 2026-01, instead of days."}}},
           {"quarter",
            {{"type", "string"},
             {"maxLength", 7},
             {"description", "Such as 2026-Q1, instead of days."}}},
           {"by",
            {{"type", "string"},
             {"enum",
              {"run", "model", "workload", "team", "project", "gpu-type", "namespace", "day"}},
             {"default", "run"}}},
           {"team", {{"type", "string"}, {"maxLength", 63}}},
           {"project", {{"type", "string"}, {"maxLength", 63}}},
           {"model_type", {{"type", "string"}, {"maxLength", 63}}},
           {"limit", limit_schema(50, 1000, "How many of the dearest to list.")}}),
      told_schema(json::parse(R"json({
            "from": {"type": "string"}, "to": {"type": "string"}, "by": {"type": "string"},
            "groups": {"type": "array", "items": {"type": "object"}}, "groups_left_out": {"type": "integer"},
            "total": {"type": "object", "description": "total_microusd, runs, average_microusd, ..."},
            "before": {"type": "object", "description": "As many days just before: total_microusd, change_percent."}})json"),
                  {"from", "to", "by", "groups", "total"}),
      {{"start_date", "2026-01-01"}, {"end_date", "2026-01-31"}},
      report};
}

Tool compare_tool() {
  return {"compare_training_configs",
          "Compare configurations",
          "Job configurations side by side: time, cost, cost per 1000 inferences and latency, as "
          "far as runs have shown them. Submits "
          "nothing.",
          Effect::read,
          object_schema({{"configs",
                          {{"type", "array"},
                           {"minItems", 2},
                           {"maxItems", 100},
                           {"items", job_schema()},
                           {"description", "Job specs; `name` tells them apart."}}}},
                        {"configs"}),
          told_schema(json::parse(R"json({
            "configurations": {"type": "array", "items": {"type": "object", "properties": {
              "name": {"type": "string"}, "seconds": {"type": "object"}, "cost_microusd": {"type": "object"},
              "cost_per_1000_inferences_microusd": {"type": "number"}, "latency_p99_ms": {"type": "number"}}}},
            "cheapest": {"type": "string"}, "fastest": {"type": "string"}})json"),
                      {"configurations"}),
          json::parse(R"json({"configs": [{"model_type": "mnist", "epochs": 2, "batch_size": 64},
            {"model_type": "mnist", "epochs": 2, "batch_size": 128}]})json"),
          compare};
}

}  // namespace

void add_cost_tools(std::vector<Tool>& tools) {
  for (const auto tool :
       {recommend_tool, forecast_tool, check_budget_tool, report_tool, compare_tool})
    tools.push_back(tool());
}

}  // namespace oppen::agent
