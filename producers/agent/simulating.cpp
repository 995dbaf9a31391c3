#include "producers/agent/simulating.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "producers/access/event_text.hpp"
#include "producers/access/forecast_text.hpp"
#include "producers/access/render.hpp"
#include "producers/agent/optimizing.hpp"
#include "producers/agent/tools.hpp"
#include "schemas/parse.hpp"
#include "schemas/text.hpp"

namespace oppen::agent {

using nlohmann::json;
using namespace access;

namespace {

// As old as the older of what it is told from.
void put_age(json& data, const json& answer) {
  if (data.contains("outdated")) return;
  for (const char* const name : {"as_of", "outdated"}) {
    if (answer.contains(name)) data[name] = answer[name];
  }
}

Outcome simulate_job(const Backend& backend, const JobAmend& amend) {
  const auto job = waiting_job(backend, amend.job_id);
  if (!job) return failed(job.error());
  const auto costs = compared(backend, {job->spec, amended(job->spec, amend.changes)});
  if (!costs) return failed(costs.error());
  json data = priced((*costs)[0], (*costs)[1]);
  data["job_id"] = amend.job_id;
  // Where the queue would take it if it came now: a priority has another place, a window another time.
  BatchSubmit batch;
  batch.batch_id = "simulate";
  batch.jobs.push_back(amended(job->spec, amend.changes));
  batch.jobs[0].job_id = make_job_id("simulate");
  batch.jobs[0]
      .max_runtime_seconds
      .reset();  // of whom it is, the default's or the job's own, isn't told; only an own one tells of its time
  const auto plan = backend.post("simulate?delays=false", to_text(batch));
  if (plan && plan->contains("jobs") && !(*plan)["jobs"].empty()) data["plan"] = (*plan)["jobs"][0];
  if (plan) put_age(data, *plan);
  const auto explanation = backend.get("jobs/" + escaped(amend.job_id) + "/explain");
  if (explanation) put_age(data, *explanation);
  if (explanation) {
    for (const char* const name : {"start_p50", "end_p50", "position"}) {
      if (explanation->contains(name)) data["now"][name] = (*explanation)[name];
    }
  }
  std::string text = fmt::format(
      "Job {} would cost {} instead of {}: saves {}{}.\nIt would run {} instead of {}.\n",
      amend.job_id, money_field(data, "cost_after_microusd"),
      money_field(data, "cost_before_microusd"), money_field(data, "savings_microusd"),
      data.contains("savings_percent")
          ? fmt::format(" ({:.0f} %)", number_field(data, "savings_percent"))
          : "",
      duration_text(number_field(data, "seconds_after")),
      duration_text(number_field(data, "seconds_before")));
  if (data.contains("now"))
    text += "Start as it is: " + text_field(data["now"], "start_p50") + "\n";
  if (data.contains("plan"))
    text += "Start if it came so now: " + text_field(data["plan"], "start_p50") + "\n";
  text += outdated_text(data);
  text += fmt::format("From: {} ({} finished runs)\n", text_field(data, "basis"),
                      data["history_runs"].dump());
  return Told{std::move(text), std::move(data)};
}

// What a policy's value has to be, where it isn't; as scheduler/plan/policy.cpp reads it.
std::optional<std::string> value_fault(const PolicyOverride& policy) {
  const auto& key = policy.key;
  const auto& value = policy.value;
  if (key == "default_priority") {
    if (parse_priority(value)) return std::nullopt;
    return "urgent, normal or background";
  }
  if (key.ends_with("_enabled") || key == "queue_paused") {
    if (value == "true" || value == "false") return std::nullopt;
    return "true or false";
  }
  std::int64_t least = 0;
  std::int64_t most = 100;  // a percentage
  if (key == "max_concurrent_jobs") {
    least = 1;
    most = 100'000;
  } else if (key == "default_max_runtime_seconds") {
    least = 1;
    most = 31'536'000;
  }
  const json number = json::parse(value, nullptr, false);
  if (number.is_number_integer() && number.get<double>() >= static_cast<double>(least) &&
      number.get<double>() <= static_cast<double>(most))
    return std::nullopt;
  return fmt::format("a whole number from {} to {}, as text", least, most);
}

// "all 3 start, after 10m 0s on average, and have run by 2026-01-03T18:15:00Z, in 4h 10m, at $0.19 an hour".
std::string outcome_text(const json& outcome, std::int64_t waiting) {
  const auto start = whole_of(outcome, "jobs_that_start");
  if (start == 0) return fmt::format("none of {} has a start that can be foreseen", waiting);
  auto text = start == waiting ? fmt::format("all {} start", start)
                               : fmt::format("{} of {} have a start that can be foreseen, these",
                                             start, waiting);
  text += fmt::format(" after {} on average, and have run by {}, in {}",
                      duration_text(number_field(outcome, "mean_wait_seconds")),
                      text_field(outcome, "last_end"),
                      duration_text(number_field(outcome, "until_all_have_run_seconds")));
  if (outcome.contains("hourly_microusd"))
    text += ", at " + money_field(outcome, "hourly_microusd") + " an hour";
  return text;
}

// What all that waits costs an hour, as long as it takes; nothing where not all of it is foreseen to start.
void put_hourly(json& outcome, std::int64_t waiting, std::int64_t pending) {
  const double seconds = number_field(outcome, "until_all_have_run_seconds");
  if (seconds > 0 && whole_of(outcome, "jobs_that_start") == waiting)
    outcome["hourly_microusd"] = std::llround(static_cast<double>(pending) * 3'600 / seconds);
}

// By the scheduler's projection of the queue; it knows of which policies anything can be said.
Outcome simulate_policy(const Backend& backend, const PolicyOverride& change) {
  json asked = {{"key", change.key}, {"value", change.value}};
  if (change.until) asked["until"] = to_rfc3339(*change.until);
  auto answer = backend.post("simulate/policy", asked.dump());
  if (!answer) return failed(answer.error());
  if (answer->contains("error")) return refused_by(*answer);
  const auto queue = backend.get("queue?limit=1");
  if (!queue) return failed(queue.error());
  const auto pending = whole_of(*queue, "pending_cost_microusd");
  json data = *std::move(answer);
  const auto waiting = whole_of(data, "waiting");
  for (const char* const when : {"before", "after"}) put_hourly(data[when], waiting, pending);
  data["key"] = change.key;
  data["value"] = change.value;
  data["savings_microusd"] = 0;
  data["basis"] = "the scheduler's projection of what waits as of " + text_field(data, "as_of") +
                  ": medians, if nothing else is submitted";
  if (data.contains("until_ignored"))
    data["basis"] = text_field(data, "basis") + ", as if the value had no end";
  auto text = fmt::format(
      "As it is, {}.\nWith {}={}, {}.\n{} start earlier, {} later. In all it costs about the "
      "same.\n",
      outcome_text(data["before"], waiting), change.key, change.value,
      outcome_text(data["after"], waiting), whole_of(data, "start_earlier"),
      whole_of(data, "start_later"));
  if (data.contains("held"))
    text += "At present nothing is launched: " + text_field(data, "held") + ".\n";
  text += "From " + text_field(data, "basis") + ".\n" + outdated_text(data);
  return Told{std::move(text), std::move(data)};
}

}  // namespace

json changes_schema() {
  return json::parse(R"json({"type": "object", "additionalProperties": false,
    "description": "Either of a waiting job, {\"job_id\", \"changes\": {..}}, or of a policy, {\"key\", \"value\"}.",
    "properties": {
      "job_id": {"type": "string", "minLength": 1, "maxLength": 50},
      "changes": {"type": "object", "additionalProperties": false, "properties": {
        "priority": {"type": "string", "enum": ["urgent", "normal", "background"]},
        "window": {"type": "string", "enum": ["any", "off_peak"]},
        "batch_size": {"type": "integer", "minimum": 1, "maximum": 10000000},
        "spot": {"type": "boolean"},
        "gpu_type": {"type": "string", "minLength": 1, "maxLength": 63}}},
      "key": {"type": "string", "description": "Of a scheduling policy.", "enum": ["max_concurrent_jobs", "gpu_utilization_threshold_min",
        "gpu_utilization_threshold_max", "gpu_utilization_target", "default_priority", "default_max_runtime_seconds", "backfill_enabled",
        "preemption_enabled", "queue_paused"]},
      "value": {"type": "string", "maxLength": 10000, "description": "As the ConfigMap would hold it: text."},
      "until": {"type": "string", "maxLength": 40, "description": "RFC 3339; until withdrawn without it."}}})json");
}

json example_changes() { return {{"job_id", "llm-7"}, {"changes", {{"spot", true}}}}; }

tl::expected<Changes, Failure> checked_changes(json changes, Time now) {
  const auto wrong = [](FieldErrors faults) {
    return failed(ErrorKind::invalid, "the changes are not valid; nothing was done",
                  std::move(faults));
  };
  const auto within = [&wrong](FieldErrors faults) {
    for (auto& fault : faults) fault.path = "changes." + fault.path;
    return wrong(std::move(faults));
  };
  if (changes.contains("key") == changes.contains("job_id")) {
    return wrong({{"changes", shortened(changes.dump()),
                   "either {\"job_id\", \"changes\": {..}} or {\"key\", \"value\"}"}});
  }
  if (changes.contains("key")) {
    changes["because"] = "agent";
    auto policy = parse_data<PolicyOverride>(changes);
    if (!policy) return within(policy.error());
    FieldErrors faults;
    if (const auto expected = value_fault(*policy))
      faults.push_back({"value", json(shortened(policy->value)).dump(), *expected});
    if (policy->until && *policy->until <= now)
      faults.push_back({"until", text_field(changes, "until"), "a time to come"});
    if (!faults.empty()) return within(std::move(faults));
    return Changes{std::nullopt, *std::move(policy)};
  }
  changes["requested_by"] = "agent";
  auto amend = parse_data<JobAmend>(changes);
  if (!amend) return within(amend.error());
  return Changes{*std::move(amend), std::nullopt};
}

Outcome simulated(const Backend& backend, const Changes& changes) {
  return changes.amend ? simulate_job(backend, *changes.amend)
                       : simulate_policy(backend, *changes.policy);
}

}  // namespace oppen::agent
