// Tools that tell of single jobs and runs, and the dashboard.
#include <fmt/format.h>

#include <algorithm>

#include "producers/access/cost_text.hpp"
#include "producers/access/dashboard_text.hpp"
#include "producers/access/describe_text.hpp"
#include "producers/access/event_text.hpp"
#include "producers/access/render.hpp"
#include "producers/agent/tools.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;
using namespace access;

// The job of this id, or the latest one of this name. Errors: not_found, of the console.
Result<json> job_of(const Backend& backend, const std::string& id_or_name) {
  auto job = backend.get("jobs/" + escaped(id_or_name));
  if (job || job.error().kind != ErrorKind::not_found) return job;
  const auto known = backend.get("costs?job=" + escaped(id_or_name));
  if (!known && known.error().kind != ErrorKind::not_found) return fail(known.error());
  const auto id = known ? text_field(*known, "job_id") : "";
  if (id.empty()) return fail(ErrorKind::not_found, "there is no job " + printable(id_or_name));
  return backend.get("jobs/" + escaped(id));
}

// A run of the books, by the id that it is asked for by.
json named(json run) {
  const auto job_id = text_field(run, "job_id");
  run["id"] = job_id.empty() ? text_field(run, "run_id") : job_id;
  return run;
}

// Everything known of a run by its id or name, with its cost in all and its metrics.
Result<json> find_run(const Backend& backend, const std::string& id) {
  const auto cost = backend.get("costs?job=" + escaped(id));
  if (!cost && cost.error().kind != ErrorKind::not_found) return fail(cost.error());
  const auto job = job_of(backend, id);
  if (!job && job.error().kind != ErrorKind::not_found) return fail(job.error());
  json run = json::object();
  if (job) {
    for (const char* const name :
         {"job_id", "name", "model_type", "state", "epochs", "batch_size", "started_at", "ended_at",
          "metrics", "gpu_type", "resources", "team", "project"}) {
      if (job->contains(name)) run[name] = (*job)[name];
    }
    if (job->contains("duration_seconds")) run["run_seconds"] = (*job)["duration_seconds"];
    run["id"] = text_field(*job, "job_id");
  } else if (cost) {
    run = named(cost->at("run"));
  } else {
    return fail(ErrorKind::not_found, "there is no run " + printable(id));
  }
  if (cost) run["total_microusd"] = whole_of(*cost, "total_microusd");
  if (!run.contains("metrics")) run["metrics"] = json::object();
  return run;
}

std::string metrics_text(const json& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics.items()) {
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : ", ", printable(name),
                    value.is_number() ? fmt::format("{:.6g}", value.get<double>()) : value.dump());
  }
  return text;
}

std::string run_table(const json& runs) {
  std::vector<std::vector<std::string>> rows;
  for (const json& run : runs) {
    const bool took = run.contains("run_seconds");
    rows.push_back({text_field(run, "id"), text_field(run, "name"), text_field(run, "model_type"),
                    text_field(run, "state"), text_field(run, "started_at").substr(0, 19),
                    took ? duration_text(number_field(run, "run_seconds")) : "",
                    run.contains("total_microusd") ? money_field(run, "total_microusd") : "",
                    metrics_text(run.value("metrics", json::object()))});
  }
  return table({{"RUN"},
                {"NAME"},
                {"MODEL"},
                {"STATE"},
                {"STARTED"},
                {"RAN", true},
                {"COST", true},
                {"METRICS"}},
               std::move(rows), 0);
}

Outcome training_status(Backend& backend, const json& arguments) {
  auto job = job_of(backend, text_of(arguments, "job"));
  if (!job) return failed(job.error());
  const auto id = escaped(text_field(*job, "job_id"));
  if (text_field(*job, "state") == "queued") {
    auto explanation = backend.get("jobs/" + id + "/explain");
    if (explanation && text_field(*explanation, "state") == "queued")
      (*job)["explain"] = *std::move(explanation);
  }
  Told told{describe_job(*job, backend.now()), *std::move(job)};
  if (auto forecast = backend.get("forecast/" + id)) {
    told.text += "\n" + cost_forecast_text(*forecast);
    told.data["forecast"] = *std::move(forecast);
  }
  return told;
}

Outcome list_runs(Backend& backend, const json& arguments) {
  const Time now = backend.now();
  const auto days = static_cast<int>(whole_of(arguments, "days"));
  const auto answer = backend.get(query("runs", {{"from", day_text(now, days - 1)},
                                                 {"to", day_text(now)},
                                                 {"team", text_of(arguments, "team")},
                                                 {"project", text_of(arguments, "project")},
                                                 {"model_type", text_of(arguments, "model_type")},
                                                 {"state", text_of(arguments, "state")},
                                                 {"limit", arguments["limit"].dump()}}));
  if (!answer) return failed(answer.error());
  json runs = json::array();
  for (const json& run : answer->at("runs")) runs.push_back(named(run));
  std::stable_sort(runs.begin(), runs.end(), [](const json& a, const json& b) {
    return text_field(a, "started_at") > text_field(b, "started_at");
  });
  const bool all = answer->at("all");
  Told told{runs.empty() ? "There are no such runs in these days.\n" : run_table(runs),
            {{"runs", runs}, {"all", all}}};
  if (!all) told.text += "... and more: these are the latest.\n";
  return told;
}

Outcome run_metrics(Backend& backend, const json& arguments) {
  auto run = find_run(backend, text_of(arguments, "run_id"));
  if (!run) return failed(run.error());
  std::string text = printable(text_field(*run, "id")) + " (" + text_field(*run, "model_type") +
                     "), " + text_field(*run, "state") + "\n";
  if (run->contains("run_seconds"))
    text += "Ran: " + duration_text(number_field(*run, "run_seconds")) + "\n";
  if (run->contains("total_microusd"))
    text += "Cost: " + money_field(*run, "total_microusd") + "\n";
  const json& metrics = (*run)["metrics"];
  if (metrics.empty()) text += "It has told no metrics.\n";
  for (const auto& [name, value] : metrics.items())
    text += "  " + printable(name) + ": " + value.dump() + "\n";
  return Told{std::move(text), *std::move(run)};
}

// The id of the run with the least (or greatest) `name`; "" where none tells it.
std::string best_of(const json& runs, const std::function<const json*(const json&)>& value,
                    bool least) {
  std::string best;
  double so_far = 0;
  for (const json& run : runs) {
    const json* const number = value(run);
    if (number == nullptr || !number->is_number()) continue;
    const double one = number->get<double>();
    if (!best.empty() && (least ? one >= so_far : one <= so_far)) continue;
    best = text_field(run, "id");
    so_far = one;
  }
  return best;
}

Outcome compare_runs(Backend& backend, const json& arguments) {
  json runs = json::array();
  for (const json& id : arguments["run_ids"]) {
    auto run = find_run(backend, id.get<std::string>());
    if (!run) return failed(run.error());
    runs.push_back(*std::move(run));
  }
  const auto member = [](const json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
  };
  const auto of = [&member](const char* name) {
    return [&member, name](const json& run) { return member(run, name); };
  };
  const auto accuracy = [&member](const json& run) { return member(run["metrics"], "accuracy"); };
  Told told{run_table(runs), {{"runs", runs}}};
  const auto put = [&told](const char* name, const char* label, const std::string& id) {
    if (id.empty()) return;
    told.data[name] = id;
    told.text += fmt::format("{}: {}\n", label, printable(id));
  };
  put("cheapest", "Cheapest", best_of(runs, of("total_microusd"), true));
  put("fastest", "Fastest", best_of(runs, of("run_seconds"), true));
  put("most_accurate", "Most accurate", best_of(runs, accuracy, false));
  return told;
}

Outcome dashboard(Backend& backend, const json& arguments) {
  auto answer = backend.get("dashboard?limit=" + std::to_string(whole_of(arguments, "limit")));
  if (!answer) return failed(answer.error());
  return Told{dashboard_text(*answer, {}), *std::move(answer)};
}

Tool status_tool() {
  return {
      "get_training_status",
      "Status of a job",
      "Everything about one job: its state, why it waits and until when, where it runs, how it "
      "ended, and what it costs.",
      Effect::read,
      object_schema(json::parse(R"json({"job": {"type": "string", "minLength": 1, "maxLength": 200,
            "description": "The id of a job, or a name: the latest one of it."}})json"),
                    {"job"}),
      told_schema(json::parse(R"json({
            "job_id": {"type": "string"}, "state": {"type": "string"}, "position": {"type": "integer"},
            "explain": {"type": "object", "description": "Why it waits."}, "failure": {"type": "object"},
            "metrics": {"type": "object"}, "forecast": {"type": "object", "description": "What it will have cost."}})json"),
                  {"job_id", "state"}),
      {{"job", "mnist-7"}},
      training_status};
}

json run_schema() {
  return json::parse(R"json({"type": "object", "properties": {
    "id": {"type": "string"}, "job_id": {"type": "string"}, "run_id": {"type": "string"}, "name": {"type": "string"},
    "model_type": {"type": "string"}, "state": {"type": "string"}, "started_at": {"type": "string"},
    "run_seconds": {"type": "number"}, "total_microusd": {"type": "integer"}, "metrics": {"type": "object"}}, "required": ["id"]})json");
}

Tool list_runs_tool() {
  return {
      "list_training_runs",
      "List runs",
      "Runs of the last days, the latest first, also those of MLflow: state, time, cost, metrics.",
      Effect::read,
      object_schema(
          {{"days", limit_schema(7, 90, "How many days back, today included.")},
           {"model_type", {{"type", "string"}, {"maxLength", 63}}},
           {"team", {{"type", "string"}, {"maxLength", 63}}},
           {"project", {{"type", "string"}, {"maxLength", 63}}},
           {"state",
            {{"type", "string"}, {"enum", {"running", "succeeded", "failed", "cancelled"}}}},
           {"limit", limit_schema(20, 1000, "How many at most.")}}),
      told_schema({{"runs", {{"type", "array"}, {"items", run_schema()}}},
                   {"all", {{"type", "boolean"}, {"description", "There are no others."}}}},
                  {"runs", "all"}),
      {{"days", 7}, {"state", "succeeded"}},
      list_runs};
}

Tool run_metrics_tool() {
  json output = run_schema();
  output["required"] = {"id", "metrics"};
  return {"get_training_metrics",
          "Metrics of a run",
          "What a run has reported (accuracy, latency, ...), with its time and cost.",
          Effect::read,
          object_schema(
              json::parse(R"json({"run_id": {"type": "string", "minLength": 1, "maxLength": 200,
            "description": "The id of a run or job, or a name: the latest one of it."}})json"),
              {"run_id"}),
          std::move(output),
          {{"run_id", "mnist-7"}},
          run_metrics};
}

Tool compare_runs_tool() {
  return {
      "compare_training_runs",
      "Compare runs",
      "Runs side by side: time, cost and metrics; which was the cheapest, the fastest, the most "
      "accurate.",
      Effect::read,
      object_schema(json::parse(R"json({"run_ids": {"type": "array", "minItems": 2, "maxItems": 20,
            "items": {"type": "string", "minLength": 1, "maxLength": 200}, "description": "Ids or names of runs or jobs."}})json"),
                    {"run_ids"}),
      told_schema({{"runs", {{"type", "array"}, {"items", run_schema()}}},
                   {"cheapest", {{"type", "string"}}},
                   {"fastest", {{"type", "string"}}},
                   {"most_accurate", {{"type", "string"}}}},
                  {"runs"}),
      {{"run_ids", {"mnist-7", "mnist-8"}}},
      compare_runs};
}

Tool dashboard_tool() {
  return {
      "get_training_dashboard",
      "Dashboard",
      "The whole system at a glance: health and lag of every part, costs of today and this month, "
      "nodes, pods with their use and cost, and the "
      "queue. A part that can't be had is `error` in its place.",
      Effect::read,
      object_schema(
          {{"limit", limit_schema(10, 1000, "How many pods, nodes and waiting jobs to list.")}}),
      told_schema(json::parse(R"json({
            "generated_at": {"type": "string"}, "health": {"type": "object"},
            "costs": {"type": "object", "description": "today, month, hourly_microusd, pending_microusd."},
            "cluster": {"type": "object", "description": "in_use, known, nodes."},
            "pods": {"type": "object", "description": "total, pods."}, "queue": {"type": "object"}})json"),
                  {"generated_at", "health", "costs", "cluster", "pods", "queue"}),
      {{"limit", 10}},
      dashboard};
}

}  // namespace

void add_run_tools(std::vector<Tool>& tools) {
  for (const auto tool :
       {dashboard_tool, status_tool, list_runs_tool, run_metrics_tool, compare_runs_tool})
    tools.push_back(tool());
}

}  // namespace oppen::agent
