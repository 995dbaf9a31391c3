#include "workers/console/job_json.hpp"

#include <nlohmann/json.hpp>

#include "schemas/commands.hpp"
#include "schemas/parse.hpp"
#include "schemas/time.hpp"

namespace oppen::console {
namespace {

using nlohmann::json;

void set(json& into, const char* name, const std::string& text) {
  if (!text.empty()) into[name] = text;
}

void set(json& into, const char* name, const std::optional<Time>& time) {
  if (time) into[name] = to_rfc3339(*time);
}

}  // namespace

json resources_json(const Resources& resources) {
  json out = {{"gpus", resources.gpus},
              {"cpu", format_millicores(resources.cpu_millicores)},
              {"memory", format_bytes(resources.memory_bytes)}};
  if (resources.gpu_share) out["gpu_share"] = *resources.gpu_share;
  set(out, "gpu_type", resources.gpu_type);
  return out;
}

json job_summary(const queue::JobRecord& record, std::optional<std::int64_t> position) {
  const JobContext context = record.context();
  json out = {{"job_id", context.job_id},
              {"state", to_string(record.state)},
              {"priority", to_string(record.priority)},
              {"model_type", context.model_type},
              {"workload_type", context.workload_type},
              {"attempt", record.attempt},
              {"epochs", context.epochs},
              {"batch_size", context.batch_size},
              {"resources", resources_json(context.resources)},
              {"spot", context.spot},
              {"estimated_duration_seconds", record.estimated_seconds},
              {"estimated_cost_microusd", record.estimated_cost.value},
              {"submitted_at", to_rfc3339(record.submitted_at)}};
  set(out, "name", context.name);
  set(out, "team", context.team);
  set(out, "project", context.project);
  set(out, "user", context.user);
  set(out, "batch_id", context.batch_id);
  set(out, "node", record.node);
  set(out, "started_at", record.started_at);
  set(out, "ended_at", record.ended_at);
  if (position) out["position"] = *position;
  return out;
}

json job_detail(const queue::JobRecord& record, std::optional<std::int64_t> position,
                const std::string& pod_namespace) {
  json out = job_summary(record, position);
  out["seq"] = record.seq;
  out["spec"] = to_data(JobSubmit{record.spec});
  if (record.attempt > 0) {
    out["pod"] = record.pod_name();
    out["namespace"] = pod_namespace;
    set(out, "pod_uid", record.pod_uid);
    set(out, "gpu_type", record.gpu_type);
    out["launching_at"] = to_rfc3339(record.launching_at);
  }
  if (record.started_at && record.ended_at) {
    out["duration_seconds"] = Seconds(*record.ended_at - *record.started_at).count();
  }
  set(out, "requested_by", record.requested_by);
  set(out, "reason", record.reason);
  set(out, "give_up", record.give_up);
  if (record.state == JobState::cancelling || record.state == JobState::cancelled) {
    out["was"] = to_string(record.cancelled_from);
  }
  if (record.failure) {
    json failure = {{"class", to_string(*record.failure)}, {"message", record.message}};
    if (record.exit_code) failure["exit_code"] = *record.exit_code;
    out["failure"] = std::move(failure);
  }
  if (!record.metrics.is_null()) out["metrics"] = record.metrics;
  return out;
}

}  // namespace oppen::console
