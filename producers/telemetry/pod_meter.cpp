#include "producers/telemetry/pod_meter.hpp"

#include <utility>

namespace oppen::telemetry {

PodMeter::PodMeter(std::string node, std::chrono::milliseconds window, Read read)
    : node_(std::move(node)), window_(window), read_(std::move(read)) {}

std::vector<PodSample> PodMeter::add(Time now, const KnownPods& pods) {
  const auto slot = now.time_since_epoch() / window_;
  if (slot_ == slot) return {};
  slot_ = slot;
  return look(now, pods);
}

std::vector<PodSample> PodMeter::look(Time now, const KnownPods& pods) {
  std::set<std::string> uids;
  for (const auto& pod : pods.all()) {
    if (!pod.job_id.empty()) uids.insert(pod.uid);
  }
  std::vector<PodSample> samples;
  std::map<std::string, Look> looks;
  if (!uids.empty()) {
    for (const auto& [uid, usage] : read_(uids)) looks[uid] = {now, usage};
  }
  for (const auto& [uid, look] : looks) {
    const auto before = before_.find(uid);
    if (before == before_.end()) continue;
    const auto passed = now - before->second.at;
    const double used = look.usage.cpu_seconds - before->second.usage.cpu_seconds;
    if (passed <= passed.zero() || passed > 2 * window_ || used < 0) continue;
    const auto* pod = pods.by_uid(uid);
    PodSample sample;
    sample.pod = pod->name;
    sample.pod_namespace = pod->pod_namespace;
    sample.node = node_;
    sample.job_id = pod->job_id;
    sample.attempt = pod->attempt;
    sample.sampled_at = now;
    sample.interval_seconds = std::chrono::duration<double>(passed).count();
    sample.cpu_cores = used / sample.interval_seconds;
    sample.memory_bytes = (before->second.usage.memory_bytes + look.usage.memory_bytes) / 2;
    samples.push_back(std::move(sample));
  }
  before_ = std::move(looks);
  return samples;
}

}  // namespace oppen::telemetry
