// What a job gets when it does not say otherwise.
#include <utility>

#include "scheduler/plan/policy.hpp"
#include "workers/cost/pricing/config_map.hpp"

namespace oppen::plan {
namespace {

constexpr std::int64_t default_cpu_millicores = 500;
constexpr std::int64_t default_memory_bytes = std::int64_t{256} << 20;
constexpr int named_model_types = 20;  // in a message

FieldError unknown_model_type(const std::string& model_type, const Policy& policy) {
  std::string known;
  int named = 0;
  for (const auto& [name, entry] : policy.model_catalog) {
    if (named++ == named_model_types) {
      known += ", ...";
      break;
    }
    known += (known.empty() ? "" : ", ") + name;
  }
  return {"model_type", pricing::shown(model_type),
          known.empty()
              ? "an image in the job, for the model catalogue (key model_catalog) is empty"
              : "a model type of the catalogue (key model_catalog): " + known +
                    "; or an image in the job"};
}

// Of GPUs, and of nothing else, a job takes the whole request from one side: its own when it says
// anything about them.
void fill_resources(JobSpec::ResourceRequest& request, const JobSpec::ResourceRequest& catalogue) {
  if (!request.gpus && !request.gpu_share) {
    request.gpus = catalogue.gpus;
    request.gpu_share = catalogue.gpu_share;
  }
  if (!request.gpus && !request.gpu_share) request.gpus = 1;
  if (request.gpu_type.empty() && request.gpus != 0) request.gpu_type = catalogue.gpu_type;
  if (!request.cpu_millicores)
    request.cpu_millicores = catalogue.cpu_millicores.value_or(default_cpu_millicores);
  if (!request.memory_bytes)
    request.memory_bytes = catalogue.memory_bytes.value_or(default_memory_bytes);
}

// As Kubernetes does with an image's entrypoint: own arguments go with the catalogue's command, an
// own command brings its own arguments.
void fill_program(JobSpec& spec, const ModelEntry& entry) {
  spec.image = entry.image;
  if (!spec.command.empty()) return;
  spec.command = entry.command;
  if (spec.args.empty()) spec.args = entry.args;
}

}  // namespace

tl::expected<JobSpec, FieldErrors> resolve(JobSpec spec, const Policy& policy) {
  const auto entry = policy.model_catalog.find(spec.model_type);
  const bool known = entry != policy.model_catalog.end();
  if (spec.image.empty()) {
    if (!known) return tl::unexpected(FieldErrors{unknown_model_type(spec.model_type, policy)});
    fill_program(spec, entry->second);
  }
  fill_resources(spec.resources, known ? entry->second.resources : JobSpec::ResourceRequest{});
  if (spec.name.empty()) spec.name = spec.job_id;
  if (!spec.priority) spec.priority = policy.default_priority;
  if (!spec.epochs) spec.epochs = policy.default_epochs;
  if (!spec.batch_size) spec.batch_size = policy.default_batch_size;
  if (!spec.max_runtime_seconds) spec.max_runtime_seconds = policy.default_max_runtime_seconds;
  if (!spec.max_retries) spec.max_retries = 0;
  return spec;
}

Resources resources_of(const JobSpec& resolved) {
  const JobSpec::ResourceRequest& request = resolved.resources;
  Resources resources;
  resources.gpus = request.gpus.value_or(request.gpu_share ? 0 : 1);
  resources.gpu_share = request.gpu_share;
  resources.gpu_type = request.gpu_type;
  resources.cpu_millicores = request.cpu_millicores.value_or(default_cpu_millicores);
  resources.memory_bytes = request.memory_bytes.value_or(default_memory_bytes);
  return resources;
}

}  // namespace oppen::plan
