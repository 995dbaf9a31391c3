#include "producers/telemetry/holders.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

namespace oppen::telemetry {
namespace {

struct Use {
  double utilization = 0;
  double memory_mb = 0;
  bool memory_known = false;
};

// 0 for what is no amount.
double amount(const std::optional<double>& value) {
  return value && std::isfinite(*value) && *value > 0 ? *value : 0;
}

void add(Use& use, const GpuProcess& process) {
  use.utilization += amount(process.utilization_percent);
  use.memory_mb += amount(process.memory_mb);
  use.memory_known = use.memory_known || process.memory_mb.has_value();
}

Holder holder_of(const KnownPod* pod) {
  Holder holder;
  if (pod == nullptr) return holder;
  holder.pod = pod->name;
  holder.pod_namespace = pod->pod_namespace;
  holder.job_id = pod->job_id;
  holder.model_type = pod->model_type;
  holder.attempt = pod->attempt;
  return holder;
}

Holder named_by_source(const PodName& name, const KnownPods& pods) {
  auto holder = holder_of(pods.by_name(name.pod_namespace, name.name));
  holder.pod = name.name;
  holder.pod_namespace = name.pod_namespace;
  return holder;
}

void sort(std::vector<Holder>& holders) {
  std::sort(holders.begin(), holders.end(), [](const Holder& a, const Holder& b) {
    return std::tie(a.pod_namespace, a.pod) < std::tie(b.pod_namespace, b.pod);
  });
}

}  // namespace

std::vector<Holder> holders_of(const GpuReading& gpu, const KnownPods& pods,
                               const PodOfProcess& pod_of_process) {
  std::vector<Holder> holders;
  if (!gpu.pod.empty()) holders.push_back(named_by_source({gpu.pod, gpu.pod_namespace}, pods));
  for (const auto& name : gpu.sharing) {
    holders.push_back(named_by_source(name, pods));
    holders.back().part = 1 / static_cast<double>(gpu.sharing.size());
  }
  if (!holders.empty()) {
    sort(holders);
    return holders;
  }

  std::map<const KnownPod*, Use> uses;  // nullptr: pods that are not known, together
  for (const auto& process : gpu.processes) {
    const auto uid = pod_of_process(process.pid);
    if (!uid.empty()) add(uses[pods.by_uid(uid)], process);
  }
  double utilization = 0;
  double memory = 0;
  for (const auto& [pod, use] : uses) {
    utilization += use.utilization;
    memory += use.memory_mb;
  }
  for (const auto& [pod, use] : uses) {
    auto holder = holder_of(pod);
    holder.part = utilization > 0 ? use.utilization / utilization
                  : memory > 0    ? use.memory_mb / memory
                                  : 1 / static_cast<double>(uses.size());
    if (use.memory_known) holder.memory_mb = use.memory_mb;
    holders.push_back(std::move(holder));
  }
  sort(holders);
  return holders;
}

std::vector<double> to_shares(const std::vector<double>& parts) {
  constexpr int units = 1024;
  const double whole = std::accumulate(parts.begin(), parts.end(), 0.0);
  std::vector<int> counts;
  counts.reserve(parts.size());
  for (const double part : parts)
    counts.push_back(std::max(static_cast<int>(std::lround(part / whole * units)), 1));
  // What rounding has given too much or too little is the largest one's.
  const auto left = units - std::accumulate(counts.begin(), counts.end(), 0);
  if (!counts.empty()) *std::max_element(counts.begin(), counts.end()) += left;
  std::vector<double> shares;
  shares.reserve(counts.size());
  for (const int count : counts) shares.push_back(static_cast<double>(count) / units);
  return shares;
}

}  // namespace oppen::telemetry
