#include "tests/unit/agent/fake_backend.hpp"

#include <nlohmann/json.hpp>

#include "schemas/job_events.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;

CloudEvent event_of(std::string_view type, json data) {
  CloudEvent event;
  event.type = type;
  event.data = std::move(data);
  return event;
}

}  // namespace

FakeBackend::FakeBackend() : time(*parse_rfc3339("2026-01-08T12:00:00Z")) {
  answers["queue"] = json::parse(
      R"({"queued": {"total": 2, "urgent": 1, "normal": 1, "background": 0}, "running": 1, "slots": 3,
    "completed": 5, "failed": 0, "cancelled": 0, "capacity_used_percent": 33.3, "paused": false, "next_slot_in_seconds": 0, "head_waits": "",
    "total_wait_seconds": 600, "pending_cost_microusd": 31400, "usage": {"gpus": 1, "cpu": "1", "memory": "1Gi"}, "leader": null,
    "jobs": [], "next_cursor": ""})");
  answers["budgets"] = {{"budgets", json::array()}};
}

Result<json> FakeBackend::get(const std::string& path) const {
  asked.push_back(path);
  before_answer();
  const auto found = answers.find(path.substr(0, path.find('?')));
  if (found == answers.end()) return fail(ErrorKind::not_found, "there is no " + path);
  return found->second;
}

Result<json> FakeBackend::post(const std::string& path, const std::string& body) const {
  posted.push_back(body);
  return get(path);
}

Result<Backend::Submitted> FakeBackend::do_submit(const JobSpec& spec,
                                                  std::chrono::seconds for_start) {
  submitted.push_back(spec);
  const json data = {{"job_id", spec.job_id},
                     {"state", "queued"},
                     {"priority", "urgent"},
                     {"position", 1},
                     {"estimated_wait_seconds", 0},
                     {"estimated_duration_seconds", 246},
                     {"estimated_cost_microusd", 20500}};
  Submitted done{event_of(JobQueued::type, data), std::nullopt};
  if (for_start.count() > 0 && !start_event.empty())
    done.then =
        event_of(start_event, {{"job_id", spec.job_id}, {"state", "running"}, {"node", "n1"}});
  return done;
}

Result<CloudEvent> FakeBackend::do_submit_batch(const BatchSubmit& batch) {
  batches.push_back(batch);
  if (!batch_answer.type.empty()) return batch_answer;
  json positions = json::array();
  for (std::size_t i = 0; i < batch.jobs.size(); ++i) positions.push_back(i + 1);
  return event_of(
      BatchQueued::type,
      {{"batch_id", batch.batch_id}, {"positions", positions}, {"estimated_cost_microusd", 41800}});
}

Result<CloudEvent> FakeBackend::do_cancel(const JobCancel& cancel) {
  cancelled.push_back(cancel);
  return event_of(cancel_event, {{"job_id", cancel.job_id}, {"was", "queued"}});
}

Status FakeBackend::do_propose(const ProposalCreated& proposal) {
  proposed.push_back(proposal);
  return {};
}

}  // namespace oppen::agent
