#pragma once
// The ConfigMap `scheduling-policies` as values. Plain values and pure functions, any thread.
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "schemas/error.hpp"
#include "schemas/job.hpp"

namespace oppen::plan {

// One entry of the model catalogue: what a job of this model type gets when it does not say otherwise.
struct ModelEntry {
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> args;
  JobSpec::ResourceRequest resources;
  double seconds_per_epoch = 60;  // prior, at batch size 64
  std::string pod_template_json;  // "" for none
};

struct Policy {
  int max_concurrent_jobs = 3;
  int gpu_utilization_threshold_min = 30;  // percent
  int gpu_utilization_threshold_max = 90;
  int gpu_utilization_target = 70;
  Priority default_priority = Priority::normal;
  std::int64_t default_max_runtime_seconds = 86'400;
  bool backfill_enabled = false;
  bool preemption_enabled = false;
  std::map<std::string, ModelEntry> model_catalog;
  // Optional keys.
  std::map<std::string, std::string>
      gpu_products;  // gpu_products (JSON): gpu_type -> node label value
  int default_epochs = 1;
  int default_batch_size = 64;
  std::int64_t launch_timeout_seconds = 300;  // a pod that has not started by then is given up
  std::int64_t node_lost_after_seconds =
      300;  // a node that has been away for so long takes its pods with it
  std::int64_t finished_pod_ttl_seconds = 3'600;  // a finished pod is deleted after
  std::int64_t cancel_grace_seconds = 30;
  // A run that failed by its own fault is tried again after this, after twice as long the next time, and so on, up to an hour.
  std::int64_t retry_hold_seconds = 10;
  // How often a job is tried again after faults that are not its own, beside its max_retries.
  int max_fault_retries = 10;
  int max_batch_jobs = 10'000;
  std::int64_t max_jobs_per_user = 0;  // that have not ended; 0: no limit
  bool queue_paused = false;           // nothing new is launched

  // What a node's label says of its GPUs, as jobs name it.
  std::string gpu_type_of(const std::string& product) const {
    for (const auto& [gpu_type, label] : gpu_products) {
      if (label == product) return gpu_type;
    }
    return product;
  }
};

// Every fault at once, each with key, value and what was expected; unknown keys are faults too (a typing error would
// otherwise be silent). An absent key keeps its default.
tl::expected<Policy, FieldErrors> parse_policy(
    const std::map<std::string, std::string>& config_map);

// Whether the ConfigMap may have this key.
bool is_policy_key(const std::string& key);

// Fills what the spec leaves open, from the catalogue and the defaults. Faults: a model type that the catalogue lacks while
// the spec brings no image.
tl::expected<JobSpec, FieldErrors> resolve(JobSpec spec, const Policy& policy);

// The Resources of a resolved spec.
Resources resources_of(const JobSpec& resolved);

}  // namespace oppen::plan
