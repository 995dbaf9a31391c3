#pragma once
// Puts together what the settings ask for. The parts refer to each other: keep them together, and destroy them together.
#include <functional>
#include <memory>
#include <optional>

#include "producers/telemetry/gpu_page.hpp"
#include "producers/telemetry/options.hpp"
#include "producers/telemetry/pod_directory.hpp"
#include "producers/telemetry/sampler.hpp"
#include "producers/telemetry/simulated_nodes.hpp"
#include "workers/runtime/kube_access.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::telemetry {

struct Wiring {
  runtime::Metrics metrics;
  GpuPage page;
  std::unique_ptr<runtime::KubeAccess> kube;        // null: there is no Kubernetes
  std::unique_ptr<SimulatedNodes> simulated_nodes;  // null: there are none
  std::unique_ptr<PodDirectory> directory;
  std::unique_ptr<Sampler> sampler;

  // Errors: unavailable, not_found, invalid: as the sources' and KubeAccess's. A source that may still come up is no error for the
  // agent, which tries again; for --once it is. The clock outlives the parts.
  static Result<std::unique_ptr<Wiring>> create(const Options& options, const Clock& clock);
};

}  // namespace oppen::telemetry
