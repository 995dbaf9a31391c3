#include "producers/telemetry/sampler.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace oppen::telemetry {
namespace {

// A pod of a namespace that is not looked at stays unknown, however often one asks.
constexpr int asks_for_a_pod = 5;
constexpr std::size_t most_asked = 1'000;

template <class T>
void append(std::vector<T>& to, std::vector<T> more) {
  std::move(more.begin(), more.end(), std::back_inserter(to));
}

}  // namespace

Sampler::Sampler(std::vector<Node> nodes, Pods pods, std::unique_ptr<PodMeter> meter, Timing timing,
                 GpuPage& page, runtime::Metrics& metrics)
    : pods_(std::move(pods)),
      meter_(std::move(meter)),
      timing_(timing),
      page_(page),
      errors_(metrics.counter("oppen_telemetry_read_errors_total",
                              "Times that a source of GPU readings had none")) {
  for (auto& node : nodes) {
    Windows windows(node.name, timing.window, timing.period);
    nodes_.push_back({std::move(node), std::move(windows), {}});
  }
}

Samples Sampler::look(Time now) {
  const auto pods = pods_.known();
  Samples samples;
  status_ = {};
  for (auto& watched : nodes_) {
    if (!watched.over) read(watched, *pods, now, samples);
  }
  if (meter_) samples.pods = meter_->add(now, *pods);
  return samples;
}

Samples Sampler::flush(Time now) {
  Samples samples;
  for (auto& watched : nodes_) append(samples.gpus, watched.windows.flush());
  if (meter_) samples.pods = meter_->look(now, *pods_.known());
  return samples;
}

bool Sampler::over() const {
  return std::all_of(nodes_.begin(), nodes_.end(),
                     [](const Watched& watched) { return watched.over; });
}

void Sampler::read(Watched& watched, const KnownPods& pods, Time now, Samples& samples) {
  auto readings = watched.node.source->read();
  if (!readings) {
    if (readings.error().kind == ErrorKind::not_found) {
      watched.over = true;
      return;
    }
    errors_.add();
    page_.clear(watched.node.name);
    if (status_) status_ = fail(readings.error());
    if (watched.trouble.begin_or_due())
      SPDLOG_WARN("no readings of {}: {}", watched.node.name, readings.error().message);
    return;
  }
  if (watched.trouble.end()) SPDLOG_INFO("{} is read again", watched.node.name);
  if (!timing_.recorded) readings->at = now;
  const auto held = holders(*readings, pods);
  page_.set(watched.node.name, *readings, held);
  append(samples.gpus, watched.windows.add(*readings, held));
}

std::vector<std::vector<Holder>> Sampler::holders(const Readings& readings, const KnownPods& pods) {
  bool ask = false;
  const auto pod_of_process = [&](std::int64_t pid) {
    auto uid = pods_.of_process(pid);
    if (!uid.empty() && pods.by_uid(uid) == nullptr) {
      if (asked_.size() >= most_asked) asked_.clear();
      ask |= asked_[uid]++ < asks_for_a_pod;
    }
    return uid;
  };
  std::vector<std::vector<Holder>> result;
  result.reserve(readings.gpus.size());
  for (const auto& gpu : readings.gpus) result.push_back(holders_of(gpu, pods, pod_of_process));
  if (ask) pods_.ask_again();
  return result;
}

}  // namespace oppen::telemetry
