#include "scheduler/plan/policy.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "scheduler/plan/model_catalog.hpp"
#include "schemas/text.hpp"
#include "workers/cost/pricing/config_map.hpp"

namespace oppen::plan {
namespace {

using pricing::ConfigReader;
using pricing::shown;

constexpr std::int64_t day = 86'400;
constexpr std::int64_t year = 365 * day;
constexpr std::int64_t million = 1'000'000;

void read_utilization(ConfigReader& reader, Policy& policy) {
  reader.whole("gpu_utilization_threshold_min", policy.gpu_utilization_threshold_min, 0, 100);
  reader.whole("gpu_utilization_threshold_max", policy.gpu_utilization_threshold_max, 0, 100);
  reader.whole("gpu_utilization_target", policy.gpu_utilization_target, 0, 100);
  const int target = policy.gpu_utilization_target;
  if (target < policy.gpu_utilization_threshold_min ||
      target > policy.gpu_utilization_threshold_max) {
    reader.fault("gpu_utilization_target", std::to_string(target),
                 "a percentage from gpu_utilization_threshold_min (" +
                     std::to_string(policy.gpu_utilization_threshold_min) +
                     ") to gpu_utilization_threshold_max (" +
                     std::to_string(policy.gpu_utilization_threshold_max) + ")");
  }
}

void read_default_priority(ConfigReader& reader, Policy& policy) {
  const auto text = reader.text("default_priority");
  if (!text) return;
  const auto priority = parse_priority(*text);
  if (!priority)
    return reader.fault("default_priority", shown(*text), "urgent, normal or background");
  policy.default_priority = *priority;
}

void read_model_catalog(ConfigReader& reader, Policy& policy) {
  const auto catalog =
      reader.object("model_catalog", R"({"mnist":{"image":"registry/trainer:1"}})");
  if (!catalog) return;
  FieldErrors faults;
  for (const auto& [model_type, value] : catalog->items()) {
    policy.model_catalog[model_type] = parse_model_entry(model_type, value, faults);
  }
  for (FieldError& error : faults) {
    reader.fault(std::move(error.path), std::move(error.value), std::move(error.expected));
  }
}

void read_gpu_products(ConfigReader& reader, Policy& policy) {
  const auto products = reader.object("gpu_products", R"({"A100":"NVIDIA-A100-SXM4-40GB"})");
  if (!products) return;
  for (const auto& [type, value] : products->items()) {
    const std::string product = value.is_string() ? value.get<std::string>() : "";
    if (type.empty() || product.empty() || !is_label_value(product)) {
      reader.fault(
          "gpu_products." + type, shown(value),
          "a GPU type and the value of the node label nvidia.com/gpu.product that it stands for");
      continue;
    }
    policy.gpu_products[type] = product;
  }
}

void read_all(ConfigReader& reader, Policy& policy) {
  reader.whole("max_concurrent_jobs", policy.max_concurrent_jobs, 1, 100'000);
  read_utilization(reader, policy);
  read_default_priority(reader, policy);
  reader.whole("default_max_runtime_seconds", policy.default_max_runtime_seconds, 1, year);
  reader.boolean("backfill_enabled", policy.backfill_enabled);
  reader.boolean("preemption_enabled", policy.preemption_enabled);
  read_model_catalog(reader, policy);
  read_gpu_products(reader, policy);
  reader.whole("default_epochs", policy.default_epochs, 1, million);
  reader.whole("default_batch_size", policy.default_batch_size, 1, million);
  reader.whole("launch_timeout_seconds", policy.launch_timeout_seconds, 1, day);
  reader.whole("node_lost_after_seconds", policy.node_lost_after_seconds, 1, day);
  reader.whole("finished_pod_ttl_seconds", policy.finished_pod_ttl_seconds, 0, 30 * day);
  reader.whole("cancel_grace_seconds", policy.cancel_grace_seconds, 0, day);
  reader.whole("retry_hold_seconds", policy.retry_hold_seconds, 0, 3'600);
  reader.whole("max_fault_retries", policy.max_fault_retries, 0, 1'000);
  reader.whole("max_batch_jobs", policy.max_batch_jobs, 1, 10'000);
  reader.whole("max_jobs_per_user", policy.max_jobs_per_user, 0, 10 * million);
  reader.boolean("queue_paused", policy.queue_paused);
}

}  // namespace

bool is_policy_key(const std::string& key) {
  const std::map<std::string, std::string> none;
  ConfigReader reader(none);
  Policy policy;
  read_all(reader, policy);
  return reader.knows(key);
}

tl::expected<Policy, FieldErrors> parse_policy(
    const std::map<std::string, std::string>& config_map) {
  Policy policy;
  ConfigReader reader(config_map);
  read_all(reader, policy);
  FieldErrors faults = reader.finish();
  if (!faults.empty()) return tl::unexpected(std::move(faults));
  return policy;
}

}  // namespace oppen::plan
