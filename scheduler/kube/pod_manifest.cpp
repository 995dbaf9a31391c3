#include "scheduler/kube/pod_manifest.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "scheduler/kube/json_read.hpp"
#include "scheduler/kube/names.hpp"
#include "scheduler/kube/pod_template.hpp"

namespace oppen::kube {
namespace {

Priority priority_of(const JobSpec& spec) { return spec.priority.value_or(Priority::normal); }

int devices_of(const JobSpec& spec) {
  return spec.resources.gpu_share ? 1 : spec.resources.gpus.value_or(1);
}

Json labels_of(const JobSpec& spec, const PodContext& context) {
  Json labels = Json::object();
  const auto set = [&labels](const std::string& key, const std::string& value) {
    if (!value.empty()) labels[key] = value;
  };
  for (const auto& [key, value] : spec.labels) set(key, value);
  set(names::managed_by, names::managed_by_us);
  set(names::job_id, spec.job_id);
  set(names::attempt, std::to_string(context.attempt));
  set(names::model_type, spec.model_type);
  set(names::workload_type, spec.workload_type);
  set(names::priority, std::string(to_string(priority_of(spec))));
  set(names::team, spec.team);
  set(names::project, spec.project);
  return labels;
}

Json annotations_of(const JobSpec& spec, const PodContext& context) {
  Json annotations = {{names::spec_hash, context.spec_hash},
                      {names::epoch, std::to_string(context.epoch)}};
  if (spec.resources.gpu_share)
    annotations[names::gpu_share] = Json(*spec.resources.gpu_share).dump();
  return annotations;
}

Json environment_of(const JobSpec& spec, const PodContext& context) {
  std::vector<std::pair<std::string, std::string>> ours = {
      {"OPPEN_JOB_ID", spec.job_id},
      {"OPPEN_ATTEMPT", std::to_string(context.attempt)},
      {"OPPEN_MODEL_TYPE", spec.model_type}};
  if (spec.epochs) ours.emplace_back("OPPEN_EPOCHS", std::to_string(*spec.epochs));
  if (spec.batch_size) ours.emplace_back("OPPEN_BATCH_SIZE", std::to_string(*spec.batch_size));

  std::map<std::string, std::string> of_job = spec.env;
  for (const auto& [name, value] : ours) of_job.erase(name);
  Json environment = Json::array();
  for (const auto& [name, value] : of_job)
    environment.push_back({{"name", name}, {"value", value}});
  for (const auto& [name, value] : ours) environment.push_back({{"name", name}, {"value", value}});
  return environment;
}

Json resources_of(const JobSpec& spec) {
  Json amounts = Json::object();
  if (spec.resources.cpu_millicores)
    amounts["cpu"] = format_millicores(*spec.resources.cpu_millicores);
  if (spec.resources.memory_bytes) amounts["memory"] = format_bytes(*spec.resources.memory_bytes);
  if (const int devices = devices_of(spec); devices > 0)
    amounts[names::gpu] = std::to_string(devices);
  return {{"requests", amounts}, {"limits", amounts}};
}

Json container_of(const JobSpec& spec, const PodContext& context) {
  Json container = {{"name", names::container},
                    {"image", spec.image},
                    {"env", environment_of(spec, context)},
                    {"resources", resources_of(spec)},
                    {"terminationMessagePolicy", "File"}};
  if (!spec.command.empty()) container["command"] = spec.command;
  if (!spec.args.empty()) container["args"] = spec.args;
  for (const std::string& secret : spec.secrets) {
    container["envFrom"].push_back({{"secretRef", {{"name", secret}}}});
  }
  return container;
}

Json pod_spec_of(const JobSpec& spec, const PodContext& context) {
  Json pod = {{"restartPolicy", "Never"},
              {"priorityClassName", std::string(to_string(priority_of(spec)))},
              {"automountServiceAccountToken", false},
              // A Service named oppen-... in the namespace would put OPPEN_... variables of its own
              // into the container.
              {"enableServiceLinks", false}};
  if (spec.max_runtime_seconds) pod["activeDeadlineSeconds"] = *spec.max_runtime_seconds;
  if (const std::string& gpu_type = spec.resources.gpu_type; !gpu_type.empty()) {
    const auto product = context.gpu_products.find(gpu_type);
    pod["nodeSelector"][names::gpu_product] =
        product == context.gpu_products.end() ? gpu_type : product->second;
  }
  if (spec.spot) {
    pod["nodeSelector"][names::spot] = "true";
    pod["tolerations"].push_back({{"key", names::spot}, {"operator", "Exists"}});
  }
  // Preferred alone: where there are no other nodes, these must do.
  if (!context.avoid_nodes.empty()) {
    const Json not_there = {
        {"key", names::hostname}, {"operator", "NotIn"}, {"values", context.avoid_nodes}};
    pod["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] = {
        {{"weight", 100}, {"preference", {{"matchExpressions", Json::array({not_there})}}}}};
  }
  return pod;
}

}  // namespace

std::string pod_name(const std::string& job_id, int attempt) {
  return job_id + "-" + std::to_string(attempt);
}

std::string pod_manifest(const JobSpec& spec, const PodContext& context) {
  Json pod_spec = apply_pod_template(context.pod_template_json, pod_spec_of(spec, context),
                                     container_of(spec, context));
  const Json pod = {{"apiVersion", "v1"},
                    {"kind", "Pod"},
                    {"metadata",
                     {{"name", pod_name(spec.job_id, context.attempt)},
                      {"namespace", context.pod_namespace},
                      {"labels", labels_of(spec, context)},
                      {"annotations", annotations_of(spec, context)},
                      {"finalizers", Json::array({names::finalizer})}}},
                    {"spec", std::move(pod_spec)}};
  // Text from outside was checked to be UTF-8; "replace" only keeps a slip there from throwing
  // here.
  return pod.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace oppen::kube
