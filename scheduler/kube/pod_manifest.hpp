#pragma once
// The pod of one attempt, as JSON text for the API server. Pure, any thread.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "schemas/job.hpp"

namespace oppen::kube {

struct PodContext {
  std::string pod_namespace;
  int attempt = 1;
  std::int64_t epoch = 0;
  std::string spec_hash;
  std::map<std::string, std::string>
      gpu_products;                      // gpu_type -> value of node label nvidia.com/gpu.product
  std::vector<std::string> avoid_nodes;  // others are preferred
  std::string pod_template_json;         // the model catalogue's, "" for none
};

// "<job_id>-<attempt>"
std::string pod_name(const std::string& job_id, int attempt);

// `spec` is resolved. Labels, annotations, finalizer, priority class and environment as the contract's section 2 says; requests equal
// limits; activeDeadlineSeconds from max_runtime_seconds; secrets as envFrom; no service-account token mounted.
std::string pod_manifest(const JobSpec& spec, const PodContext& context);

}  // namespace oppen::kube
