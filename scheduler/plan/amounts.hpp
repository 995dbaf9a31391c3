#pragma once
// Amounts that pods ask for, and what bounds them. Plain values.
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "schemas/job.hpp"

namespace oppen::plan {

struct Amounts {
  std::int64_t pods = 0;
  std::int64_t gpus = 0;
  std::int64_t cpu_millicores = 0;
  std::int64_t memory_bytes = 0;
  bool operator==(const Amounts&) const = default;

  Amounts& operator+=(const Amounts& other) {
    pods += other.pods;
    gpus += other.gpus;
    cpu_millicores += other.cpu_millicores;
    memory_bytes += other.memory_bytes;
    return *this;
  }
};

// What one pod with these resources counts for. A share of a GPU takes one device of those that are
// advertised.
inline Amounts amounts_of(const Resources& resources) {
  return {1, resources.gpu_share ? 1 : resources.gpus, resources.cpu_millicores,
          resources.memory_bytes};
}

struct Quota {
  std::string name;
  std::string scope_priority_class;  // "": all pods; otherwise those of this PriorityClass
  std::map<std::string, std::int64_t>
      hard;  // "pods", "gpus", "cpu_millicores", "memory_bytes": only what is bounded
  std::map<std::string, std::int64_t> used;  // the same resources, as the API server counts them
  bool operator==(const Quota&) const = default;
};

// The largest pod that every LimitRange admits; absent: unbounded.
struct PodLimits {
  std::optional<std::int64_t> gpus;
  std::optional<std::int64_t> cpu_millicores;
  std::optional<std::int64_t> memory_bytes;
  bool operator==(const PodLimits&) const = default;
};

}  // namespace oppen::plan
