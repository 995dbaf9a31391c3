#include "scheduler/plan/model_catalog.hpp"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "schemas/parse.hpp"
#include "workers/cost/pricing/config_map.hpp"

namespace oppen::plan {
namespace {

using nlohmann::json;
using pricing::shown;

constexpr double longest_epoch_seconds = 31'536'000;
constexpr auto entry_fields = {"image",     "command",           "args",
                               "resources", "seconds_per_epoch", "pod_template"};
constexpr auto resource_fields = {"gpus", "gpu_share", "gpu_type", "cpu", "memory"};
// Those of Kubernetes' v1 PodSpec, and "volumeMounts" (scheduler/kube/pod_template.hpp).
constexpr auto pod_fields = {"activeDeadlineSeconds",
                             "affinity",
                             "automountServiceAccountToken",
                             "containers",
                             "dnsConfig",
                             "dnsPolicy",
                             "enableServiceLinks",
                             "ephemeralContainers",
                             "hostAliases",
                             "hostIPC",
                             "hostNetwork",
                             "hostPID",
                             "hostUsers",
                             "hostname",
                             "hostnameOverride",
                             "imagePullSecrets",
                             "initContainers",
                             "nodeName",
                             "nodeSelector",
                             "os",
                             "overhead",
                             "preemptionPolicy",
                             "priority",
                             "priorityClassName",
                             "readinessGates",
                             "resourceClaims",
                             "resources",
                             "restartPolicy",
                             "runtimeClassName",
                             "schedulerName",
                             "schedulingGates",
                             "securityContext",
                             "serviceAccount",
                             "serviceAccountName",
                             "setHostnameAsFQDN",
                             "shareProcessNamespace",
                             "subdomain",
                             "terminationGracePeriodSeconds",
                             "tolerations",
                             "topologySpreadConstraints",
                             "volumes",
                             "workloadRef",
                             "volumeMounts"};

// A field that nobody reads is a typing error.
void refuse_unknown(const json& object, const std::string& path,
                    std::initializer_list<const char*> fields, FieldErrors& faults) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(fields.begin(), fields.end(), std::string_view(name)) != fields.end()) continue;
    std::string known;
    for (const char* field : fields) known += std::string(known.empty() ? "" : ", ") + field;
    faults.push_back({path + "." + name, shown(value), "no such field; the fields are " + known});
  }
}

// Image, command, args and resources mean what they mean in a job and have the same limits: so they
// are read as a job's.
void read_job_fields(const std::string& model_type, const json& value, const std::string& path,
                     ModelEntry& entry, FieldErrors& faults) {
  json job = {{"job_id", "catalogue"}, {"model_type", model_type}};
  for (const char* field : {"image", "command", "args", "resources"}) {
    if (value.contains(field)) job[field] = value[field];
  }
  auto spec = parse_data<JobSpec>(job);
  if (spec) {
    entry.image = std::move(spec->image);
    entry.command = std::move(spec->command);
    entry.args = std::move(spec->args);
    entry.resources = std::move(spec->resources);
    if (entry.image.empty())
      faults.push_back({path + ".image", "", "the container image of the model's jobs"});
    return;
  }
  for (FieldError& error : spec.error()) {
    error.path = error.path == "model_type" ? path : path + "." + error.path;
    faults.push_back(std::move(error));
  }
}

}  // namespace

ModelEntry parse_model_entry(const std::string& model_type, const json& value,
                             FieldErrors& faults) {
  ModelEntry entry;
  const std::string path = "model_catalog." + model_type;
  if (!value.is_object()) {
    faults.push_back({path, shown(value), R"(an object such as {"image":"registry/trainer:1"})"});
    return entry;
  }
  refuse_unknown(value, path, entry_fields, faults);
  if (const auto resources = value.find("resources");
      resources != value.end() && resources->is_object()) {
    refuse_unknown(*resources, path + ".resources", resource_fields, faults);
  }
  read_job_fields(model_type, value, path, entry, faults);

  if (const auto seconds = value.find("seconds_per_epoch"); seconds != value.end()) {
    const double number = seconds->is_number() ? seconds->get<double>() : 0;
    if (number > 0 && number <= longest_epoch_seconds) {
      entry.seconds_per_epoch = number;
    } else {
      faults.push_back({path + ".seconds_per_epoch", shown(*seconds),
                        "seconds above 0 and at most a year (31536000)"});
    }
  }
  if (const auto pod = value.find("pod_template"); pod != value.end()) {
    if (pod->is_object()) {
      // The API server would drop it without a word, and all that stands in a "spec".
      refuse_unknown(*pod, path + ".pod_template", pod_fields, faults);
      entry.pod_template_json = pod->dump();
    } else {
      faults.push_back({path + ".pod_template", shown(*pod), "an object, the pod template"});
    }
  }
  return entry;
}

}  // namespace oppen::plan
