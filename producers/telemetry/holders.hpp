#pragma once
// Who holds a GPU at the moment of a reading, and how much of it each. Pure.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "producers/telemetry/pods.hpp"
#include "producers/telemetry/reading.hpp"

namespace oppen::telemetry {

struct Holder {
  // Names are empty for what pods hold that the API server has not told of: of other namespaces, or too new.
  std::string pod;
  std::string pod_namespace;
  std::string job_id;
  std::string model_type;
  std::optional<int> attempt;
  double part = 1;  // of the GPU; those of all holders add up to 1 (but for rounding)
  std::optional<double> memory_mb;
};

// "" for a process that is in no pod, or gone.
using PodOfProcess = std::function<std::string(std::int64_t pid)>;

// Where the source names the pod, it holds all of the GPU; several that it names hold it evenly. Else the pods of the processes do: in proportion to their
// utilisation, if any of it is told and not 0, else to their memory, else evenly. Nobody: empty; processes outside of pods count only
// as nobody. Sorted by namespace and name.
std::vector<Holder> holders_of(const GpuReading& gpu, const KnownPods& pods,
                               const PodOfProcess& pod_of_process);

// Parts as shares that add up to 1 exactly, in whatever order they are added: multiples of 1/1024, none of them 0. `parts` are not
// negative and not all 0.
std::vector<double> to_shares(const std::vector<double>& parts);

}  // namespace oppen::telemetry
