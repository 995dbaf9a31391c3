#pragma once
// The names by which pods of Oppen are known in the cluster, and the resources that are counted.

namespace oppen::kube::names {

inline constexpr const char* managed_by = "app.kubernetes.io/managed-by";
inline constexpr const char* managed_by_us = "oppen";
inline constexpr const char* job_id = "oppen.dev/job-id";
inline constexpr const char* attempt = "oppen.dev/attempt";
inline constexpr const char* model_type = "oppen.dev/model-type";
inline constexpr const char* workload_type = "oppen.dev/workload-type";
inline constexpr const char* priority = "oppen.dev/priority";
inline constexpr const char* team = "oppen.dev/team";
inline constexpr const char* project = "oppen.dev/project";
inline constexpr const char* spec_hash = "oppen.dev/spec-hash";
inline constexpr const char* epoch = "oppen.dev/epoch";
inline constexpr const char* gpu_share = "oppen.dev/gpu-share";
inline constexpr const char* finalizer = "oppen.dev/reported";
inline constexpr const char* hostname = "kubernetes.io/hostname";
inline constexpr const char* spot = "oppen.dev/spot";

inline constexpr const char* container = "train";
inline constexpr const char* gpu = "nvidia.com/gpu";
inline constexpr const char* gpu_product = "nvidia.com/gpu.product";
inline constexpr const char* gpu_replicas = "nvidia.com/gpu.replicas";

}  // namespace oppen::kube::names
