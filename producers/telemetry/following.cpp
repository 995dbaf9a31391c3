#include "producers/telemetry/following.hpp"

#include <algorithm>
#include <utility>

namespace oppen::telemetry {

Result<Loads> Loads::read(Source& recording) {
  Loads loads;
  std::optional<Time> begin;
  std::chrono::milliseconds step{1000};
  std::map<std::string, std::string> played_by;  // load -> uuid: the first GPU that has it
  for (;;) {
    auto readings = recording.read();
    if (!readings && readings.error().kind == ErrorKind::not_found) break;  // its end
    if (!readings) return fail(readings.error());
    if (!begin) begin = readings->at;
    const auto offset = readings->at - *begin;
    if (offset > loads.length_) step = offset - loads.length_;
    loads.length_ = std::max(loads.length_, offset);
    for (auto& gpu : readings->gpus) {
      if (played_by.try_emplace(gpu.pod, gpu.uuid).first->second != gpu.uuid) continue;
      if (loads.first_.empty()) loads.first_ = gpu.pod;
      auto& load = loads.loads_[gpu.pod];
      load.offsets.push_back(offset);
      load.readings.push_back(std::move(gpu));
    }
  }
  loads.length_ += step;
  if (loads.first_.empty() || !loads.loads_.contains("")) {
    return fail(
        ErrorKind::invalid,
        "the recording can't be played for simulated nodes: expected at least one GPU with a "
        "pod, which is named as the model type whose load it is, and one without");
  }
  return loads;
}

const GpuReading& Loads::at(const std::string& model_type, std::chrono::milliseconds since) const {
  const auto found = loads_.find(model_type);
  const auto& load = found != loads_.end() ? found->second : loads_.at(first_);
  const auto offset = std::max(since, std::chrono::milliseconds{0}) % length_;
  const auto next = std::upper_bound(load.offsets.begin(), load.offsets.end(), offset);
  const auto index = std::max<std::ptrdiff_t>(next - load.offsets.begin() - 1, 0);
  return load.readings[static_cast<std::size_t>(index)];
}

Following::Following(std::shared_ptr<const Loads> loads, AskNode node, AskPods pods,
                     const Clock& clock)
    : loads_(std::move(loads)),
      ask_node_(std::move(node)),
      ask_pods_(std::move(pods)),
      clock_(clock) {}

Result<Readings> Following::read() {
  const auto node = ask_node_();
  if (!node) return fail(node.error());
  const auto pods = ask_pods_();
  place(*node, *pods);

  Readings readings{clock_.now(), {}};
  for (std::size_t i = 0; i < holders_.size(); ++i) {
    const auto* pod = holders_[i].empty() ? nullptr : pods->by_uid(holders_[i]);
    auto gpu = pod != nullptr ? loads_->at(pod->model_type, readings.at - pod->started_at)
                              : loads_->at("", readings.at.time_since_epoch());
    gpu.uuid = "GPU-" + node->name + "-" + std::to_string(i);
    gpu.index = static_cast<int>(i);
    gpu.name = node->gpu_type;
    if (node->memory_mb > 0) {
      gpu.memory_total_mb = node->memory_mb;
      if (gpu.memory_used_mb) gpu.memory_used_mb = std::min(*gpu.memory_used_mb, node->memory_mb);
    }
    gpu.processes.clear();
    gpu.pod = pod != nullptr ? pod->name : "";
    gpu.pod_namespace = pod != nullptr ? pod->pod_namespace : "";
    readings.gpus.push_back(std::move(gpu));
  }
  return readings;
}

void Following::place(const SimulatedNode& node, const KnownPods& pods) {
  holders_.resize(static_cast<std::size_t>(std::max(node.gpus, 0)));
  std::map<std::string, int> held;
  for (auto& uid : holders_) {
    const auto* pod = uid.empty() ? nullptr : pods.by_uid(uid);
    if (pod == nullptr || pod->node != node.name) {
      uid.clear();
    } else {
      ++held[uid];
    }
  }
  // The longest there first: restarted, this places them as before, unless others have gone meanwhile.
  std::vector<const KnownPod*> waiting;
  for (const auto& pod : pods.all()) {
    const bool runs = pod.started_at != Time{};
    if (runs && pod.node == node.name && held[pod.uid] < pod.gpus) waiting.push_back(&pod);
  }
  std::sort(waiting.begin(), waiting.end(), [](const KnownPod* a, const KnownPod* b) {
    return std::tie(a->started_at, a->uid) < std::tie(b->started_at, b->uid);
  });
  auto free = holders_.begin();
  for (const auto* pod : waiting) {
    for (int missing = pod->gpus - held[pod->uid]; missing > 0; --missing) {
      free = std::find(free, holders_.end(), "");
      if (free == holders_.end()) return;
      *free = pod->uid;
    }
  }
}

}  // namespace oppen::telemetry
