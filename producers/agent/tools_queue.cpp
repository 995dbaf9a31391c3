// Tools that submit, cancel and list jobs.
#include <fmt/format.h>

#include <algorithm>

#include "producers/access/endpoints.hpp"
#include "producers/access/event_text.hpp"
#include "producers/access/forecast_text.hpp"
#include "producers/access/job_table.hpp"
#include "producers/access/queue_text.hpp"
#include "producers/access/render.hpp"
#include "producers/access/spec_input.hpp"
#include "producers/agent/optimizing.hpp"
#include "producers/agent/tools.hpp"
#include "schemas/job_events.hpp"
#include "schemas/parse.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;
using namespace access;

constexpr std::size_t most_batch_jobs = 10'000;
constexpr std::size_t most_told_ids = 100;

// A job that bears the id of a proposal would be approved in its stead.
bool is_of_proposals(const std::string& job_id) { return job_id.starts_with(proposal_prefix); }

FieldError proposals_id(std::string path, const std::string& job_id) {
  return {std::move(path), '"' + job_id + '"',
          "an id that does not begin with " + std::string(proposal_prefix) +
              ": those are of proposals"};
}

json submitted_schema() {
  return told_schema(json::parse(R"json({
    "job_id": {"type": "string"},
    "event": {"type": "string", "description": "job.queued; job.duplicate when the same job had been submitted before."},
    "state": {"type": "string"},
    "priority": {"type": "string"},
    "position": {"type": "integer", "description": "In the order of launching, from 1."},
    "estimated_wait_seconds": {"type": "number"},
    "estimated_duration_seconds": {"type": "number"},
    "estimated_cost_microusd": {"type": "integer"},
    "node": {"type": "string"},
    "queue": {"type": "object", "description": "queued, running, slots, as of now."}})json"),
                     {"job_id", "event", "state"});
}

// What of an event is told of a submitted job.
json submitted_data(const CloudEvent& event) {
  json data = {{"event", short_type(event.type)}};
  for (const char* const name :
       {"job_id", "state", "priority", "model_type", "epochs", "batch_size", "position",
        "estimated_wait_seconds", "estimated_duration_seconds", "estimated_cost_microusd", "node",
        "first_seen", "class", "message"}) {
    if (event.data.contains(name)) data[name] = event.data[name];
  }
  return data;
}

// "3 queued, 1 of 3 slots taken"; what can't be had is left out.
void add_queue(const Backend& backend, Told& told) {
  const auto queue = backend.get("queue?limit=1");
  if (!queue) return;
  const auto queued = whole_of(queue->value("queued", json::object()), "total");
  told.data["queue"] = {{"queued", queued},
                        {"running", whole_of(*queue, "running")},
                        {"slots", whole_of(*queue, "slots")}};
  told.text += fmt::format("Queue: {} queued, {} of {} slots taken\n", queued,
                           whole_of(*queue, "running"), whole_of(*queue, "slots"));
}

Outcome submit(Backend& backend, json arguments, std::chrono::seconds for_start) {
  const auto job = checked_job(std::move(arguments));
  if (!job)
    return failed(ErrorKind::invalid, "the job is not valid; nothing was submitted", job.error());
  const auto& id = job->spec.job_id;
  if (is_of_proposals(id))
    return failed(ErrorKind::invalid, "the job is not valid; nothing was submitted",
                  {proposals_id("job_id", id)});
  const auto submitted = backend.submit(job->spec, for_start);
  if (!submitted) return failed(submitted.error());
  const CloudEvent& answer = submitted->answer;
  if (answer.type == JobRejected::type)
    return failed(ErrorKind::refused, "job " + id + " is rejected, " + event_details(answer));
  if (answer.type == JobDuplicate::type && answer.data.value("conflict", false)) {
    return failed(ErrorKind::conflict,
                  "a job " + id + " with a different spec is known already (" +
                      text_field(answer.data, "state") +
                      "); it stands, nothing was changed. Choose another job_id");
  }
  Told told;
  told.data = submitted_data(answer);
  told.data["job_id"] = id;
  if (answer.type == JobDuplicate::type) {
    told.text = "Job " + id + " is known already: " + text_field(answer.data, "state") +
                ", first seen " + text_field(answer.data, "first_seen") + "\n";
    return told;
  }
  told.text = "Job " + id + " queued at " + event_details(answer) +
              "\nPriority: " + text_field(answer.data, "priority") + "\n";
  if (submitted->then) {
    told.data.update(submitted_data(*submitted->then));
    told.text +=
        "It has " +
        std::string(submitted->then->type == JobStarted::type ? "started: " : "not started: ") +
        short_type(submitted->then->type) + " " + event_details(*submitted->then) + "\n";
  } else if (for_start.count() > 0) {
    told.text += "It has not started by now and goes on waiting: get_training_status says why.\n";
  }
  add_queue(backend, told);
  return told;
}

Outcome queue_job(Backend& backend, const json& arguments) {
  return submit(backend, arguments, std::chrono::seconds{0});
}

Outcome trigger_job(Backend& backend, const json& arguments) {
  json job = arguments;
  const std::chrono::seconds for_start{whole_of(job, "wait_seconds")};
  job.erase("wait_seconds");
  return submit(backend, std::move(job), for_start);
}

Outcome queue_status(Backend& backend, const json& arguments) {
  auto queue = backend.get("queue?limit=" + std::to_string(whole_of(arguments, "limit")));
  if (!queue) return failed(queue.error());
  return Told{queue_text(*queue, 0), *std::move(queue)};
}

// Whether a batch was refused for nothing but jobs that there are already: it may be the same again, and the scheduler says whether it is.
bool may_be_known(const json& refusal) {
  const json faults = refusal.value("error", json::object()).value("errors", json::array());
  return !faults.empty() && std::all_of(faults.begin(), faults.end(), [](const json& fault) {
    return text_field(fault, "field") == "job_id" &&
           text_field(fault, "reason").ends_with("a job of this id exists already");
  });
}

Outcome submit_batch(Backend& backend, const json& arguments) {
  BatchOptions options{text_of(arguments, "batch_id"), std::nullopt};
  if (arguments.contains("max_total_usd"))
    options.max_total = micro_usd(arguments["max_total_usd"]);
  const auto batch = checked_batch(json{{"jobs", arguments["jobs"]}}.dump(), options);
  if (!batch)
    return failed(ErrorKind::invalid, "the batch is not valid; none of its jobs was submitted",
                  batch.error());
  for (std::size_t i = 0; i < batch->jobs.size(); ++i) {
    const auto& id = batch->jobs[i].job_id;
    if (!is_of_proposals(id)) continue;
    return failed(ErrorKind::invalid, "the batch is not valid; none of its jobs was submitted",
                  {proposals_id(fmt::format("jobs[{}].job_id", i), id)});
  }
  const auto plan = backend.post("simulate?delays=false", to_text(*batch));
  if (!plan) return failed(plan.error());
  if (plan->contains("error") && !may_be_known(*plan)) return refused_by(*plan);

  const auto answer = backend.submit_batch(*batch);
  if (!answer) return failed(answer.error());
  const json& data = answer->data;
  if (answer->type == BatchRejected::type) {
    std::string why;
    for (const json& fault : data.value("errors", json::array())) why += "; " + fault_text(fault);
    return failed(ErrorKind::refused,
                  "batch " + batch->batch_id + " is rejected, none of its jobs was queued" + why);
  }
  if (answer->type == BatchDuplicate::type && data.value("conflict", false)) {
    return failed(ErrorKind::conflict, "a batch " + batch->batch_id +
                                           " with other jobs is known already; it stands. Choose "
                                           "another batch_id");
  }
  const bool again = answer->type == BatchDuplicate::type;
  Told told;
  json ids = json::array();
  for (std::size_t i = 0; i < std::min(batch->jobs.size(), most_told_ids); ++i)
    ids.push_back(batch->jobs[i].job_id);
  told.data = {{"batch_id", batch->batch_id},
               {"event", short_type(answer->type)},
               {"jobs_submitted", again ? 0 : batch->jobs.size()},
               {"jobs_failed", 0},
               {"first_job_id", batch->jobs.front().job_id},
               {"job_ids", std::move(ids)}};
  const json positions = data.value("positions", json::array());
  if (!positions.empty()) {
    told.data["first_position"] = positions.front();
    told.data["last_position"] = positions.back();
  }
  told.text = again ? "Batch " + batch->batch_id + " is known already; nothing was added.\n"
                    : fmt::format("Batch {} submitted.\nJobs submitted: {}\nJobs failed: 0\n",
                                  batch->batch_id, batch->jobs.size());
  if (!again) {
    told.data["estimated_cost_microusd"] = whole_of(data, "estimated_cost_microusd");
    told.text += "Total estimated cost: " + money_field(data, "estimated_cost_microusd") + "\n";
  }
  told.text += "First job: " + batch->jobs.front().job_id + "\n";
  if (!positions.empty())
    told.text +=
        fmt::format("Positions: {} to {}\n", positions.front().dump(), positions.back().dump());
  add_queue(backend, told);
  return told;
}

Outcome cancel_job(Backend& backend, const json& arguments) {
  const auto id = text_of(arguments, "job_id");
  const auto job = backend.get("jobs/" + escaped(id));
  if (!job) return failed(job.error());
  if (const auto state = text_field(*job, "state"); state != "queued") {
    return failed(ErrorKind::refused,
                  "job " + id + " is " + state +
                      ": this tool cancels only what waits; a person ends what runs with `oppen "
                      "cancel " +
                      id + "`");
  }
  const auto answer = backend.cancel({id, "", user_name(), text_of(arguments, "reason")});
  if (!answer) return failed(answer.error());
  if (answer->type == JobCancelRefused::type)
    return failed(ErrorKind::refused, "job " + id + " has ended already");
  Told told{"Job " + id + " cancelled, " + event_details(*answer) + "\n",
            {{"job_id", id}, {"state", "cancelled"}, {"was", text_field(answer->data, "was")}}};
  if (const auto queue = backend.get("queue?limit=1")) {
    told.data["pending_cost_microusd"] = whole_of(*queue, "pending_cost_microusd");
    told.text += "Pending cost now: " + money_field(*queue, "pending_cost_microusd") + "\n";
  }
  return told;
}

Outcome list_queued(Backend& backend, const json& arguments) {
  const auto limit = std::to_string(whole_of(arguments, "limit"));
  const auto page = backend.get("jobs?state=queued&eta=true&limit=" + limit);
  if (!page) return failed(page.error());
  const auto queue = backend.get("queue?limit=1");
  if (!queue) return failed(queue.error());
  const json jobs = page->value("jobs", json::array());
  const auto total = whole_of(queue->value("queued", json::object()), "total");
  Told told;
  told.data = {{"jobs", jobs},
               {"queued", total},
               {"pending_cost_microusd", whole_of(*queue, "pending_cost_microusd")}};
  if (page->contains("outdated")) told.data["outdated"] = (*page)["outdated"];
  if (jobs.empty()) {
    told.text = "No job waits.\n";
    return told;
  }
  const auto unknown = text_field(*page, "eta_unknown");
  told.text = job_table(jobs, backend.now(), 0) + outdated_text(*page);
  if (!unknown.empty()) told.text += "No ETA: " + printable(unknown) + "\n";
  const auto shown = static_cast<std::int64_t>(jobs.size());
  if (total > shown) told.text += fmt::format("... and {} more\n", total - shown);
  told.text += "\nTotal pending cost: " + money_field(*queue, "pending_cost_microusd") + "\n";
  return told;
}

Tool queue_job_tool() {
  return {"queue_training_job",
          "Queue a training job",
          "Submits one job to the priority queue and returns its place, expected wait, run time "
          "and cost. Returns as soon as it "
          "is queued; it runs later. Repeating the call with the same job_id does nothing more.",
          Effect::add,
          job_schema(),
          submitted_schema(),
          {{"model_type", "mnist"}, {"priority", "urgent"}, {"epochs", 2}},
          queue_job};
}

Tool trigger_job_tool() {
  json input = job_schema();
  input["properties"]["wait_seconds"] = {{"type", "integer"},
                                         {"minimum", 1},
                                         {"maximum", 300},
                                         {"default", 30},
                                         {"description", "How long to wait for its start."}};
  return {"trigger_training_job",
          "Submit a job and wait for its start",
          "Submits one job and waits until it has started, or for wait_seconds. A job that does "
          "not start by then stays in the "
          "queue: get_training_status says why it waits.",
          Effect::add,
          std::move(input),
          submitted_schema(),
          {{"model_type", "mnist"}, {"epochs", 2}, {"wait_seconds", 30}},
          trigger_job};
}

Tool queue_status_tool() {
  return {
      "get_queue_status",
      "Queue status",
      "The queue at a glance: jobs queued by priority, slots taken, completed and failed jobs, "
      "when the next slot is free, total "
      "wait, pending cost, and the first jobs in the order of their launching.",
      Effect::read,
      object_schema({{"limit", limit_schema(10, 1000, "How many of the waiting jobs to list.")}}),
      told_schema(json::parse(R"json({
            "queued": {"type": "object", "description": "total, urgent, normal, background."},
            "running": {"type": "integer"}, "slots": {"type": "integer"},
            "completed": {"type": "integer"}, "failed": {"type": "integer"}, "cancelled": {"type": "integer"},
            "capacity_used_percent": {"type": "number"}, "paused": {"type": "boolean"},
            "next_slot_in_seconds": {"type": "number"}, "total_wait_seconds": {"type": "number"},
            "pending_cost_microusd": {"type": "integer"},
            "head_waits": {"type": "string", "description": "Why the first one waits."},
            "jobs": {"type": "array", "items": {"type": "object"}}})json"),
                  {"queued", "running", "slots", "pending_cost_microusd", "jobs"}),
      {{"limit", 10}},
      queue_status};
}

Tool submit_batch_tool() {
  json properties = {
      {"jobs",
       {{"type", "array"},
        {"minItems", 1},
        {"maxItems", most_batch_jobs},
        {"items", job_schema()}}},
      {"batch_id",
       {{"type", "string"},
        {"minLength", 1},
        {"maxLength", 50},
        {"description", "An id of your own: submitting it again does nothing more."}}},
      {"max_total_usd",
       {{"type", "number"},
        {"minimum", 0},
        {"maximum", 1e9},
        {"description",
         "The most that all may cost together, in dollars: a dearer batch is rejected as a "
         "whole."}}}};
  return {
      "submit_batch_training_jobs",
      "Submit many jobs at once",
      "Submits up to 10,000 jobs at once: all are queued, or none. Their cost is estimated before; "
      "max_total_usd rejects a batch "
      "that would cost more. Every fault of every job is named.",
      Effect::add,
      object_schema(std::move(properties), {"jobs"}),
      told_schema(json::parse(R"json({
            "batch_id": {"type": "string"}, "event": {"type": "string"},
            "jobs_submitted": {"type": "integer"}, "jobs_failed": {"type": "integer"},
            "estimated_cost_microusd": {"type": "integer", "description": "Absent where the batch was known already."}, "first_job_id": {"type": "string"},
            "job_ids": {"type": "array", "items": {"type": "string"}, "description": "The first 100."},
            "first_position": {"type": "integer"}, "last_position": {"type": "integer"},
            "queue": {"type": "object"}})json"),
                  {"batch_id", "jobs_submitted", "first_job_id"}),
      json::parse(
          R"json({"jobs": [{"model_type": "mnist", "epochs": 2}, {"model_type": "mnist", "epochs": 2, "batch_size": 128}],
            "max_total_usd": 0.5})json"),
      submit_batch};
}

Tool cancel_job_tool() {
  return {"cancel_queued_job",
          "Cancel a waiting job",
          "Cancels a job that still waits. One that runs is left alone: a person ends it with "
          "`oppen cancel`. (One that starts in the "
          "very moment of the call is cancelled, too; `was` says what it was.)",
          Effect::destroy,
          object_schema(json::parse(R"json({
            "job_id": {"type": "string", "minLength": 1, "maxLength": 50},
            "reason": {"type": "string", "maxLength": 500, "description": "It is kept with the job."}})json"),
                        {"job_id"}),
          told_schema(json::parse(R"json({
            "job_id": {"type": "string"}, "state": {"type": "string"}, "was": {"type": "string"},
            "pending_cost_microusd": {"type": "integer"}})json"),
                      {"job_id", "state", "was"}),
          {{"job_id", "mnist-7"}, {"reason", "wrong data set"}},
          cancel_job};
}

Tool list_queued_tool() {
  return {"list_queued_jobs",
          "List waiting jobs",
          "The jobs that wait, in the order of their launching, with priority, epochs, expected "
          "start, run time and cost.",
          Effect::read,
          object_schema({{"limit", limit_schema(20, 1000, "How many at most.")}}),
          told_schema(json::parse(R"json({
            "jobs": {"type": "array", "items": {"type": "object"}}, "queued": {"type": "integer"},
            "outdated": {"type": "string", "description": "Why the starts are not of now; absent where they are."},
            "pending_cost_microusd": {"type": "integer"}})json"),
                      {"jobs", "queued", "pending_cost_microusd"}),
          {{"limit", 20}},
          list_queued};
}

}  // namespace

void add_queue_tools(std::vector<Tool>& tools) {
  for (const auto tool : {queue_job_tool, trigger_job_tool, queue_status_tool, submit_batch_tool,
                          cancel_job_tool, list_queued_tool})
    tools.push_back(tool());
}

}  // namespace oppen::agent
