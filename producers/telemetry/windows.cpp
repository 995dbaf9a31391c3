#include "producers/telemetry/windows.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;

constexpr auto throttling_forgotten_after = 1min;

double not_negative(std::optional<double> value) { return std::max(value.value_or(0), 0.0); }
double percent(double value) { return std::clamp(value, 0.0, 100.0); }

void add_once(std::vector<std::string>& list, const std::string& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

}  // namespace

void Windows::Mean::add(std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return;
  sum += *value;
  ++count;
}

std::optional<double> Windows::Mean::value() const {
  if (count == 0) return std::nullopt;
  return sum / count;
}

Windows::Windows(std::string node, std::chrono::milliseconds window,
                 std::chrono::milliseconds period)
    : node_(std::move(node)), window_(window), period_(period) {}

std::vector<GpuSample> Windows::add(const Readings& readings,
                                    const std::vector<std::vector<Holder>>& holders) {
  std::vector<GpuSample> samples;
  if (!clock_allows(readings.at, samples)) return samples;
  last_ = readings.at;
  for (std::size_t i = 0; i < readings.gpus.size(); ++i)
    take(readings.gpus[i].uuid, readings.gpus[i], holders[i], readings.at, samples);
  // Those that are no longer there.
  for (auto it = gpus_.begin(); it != gpus_.end();) {
    auto& [uuid, gpu] = *it;
    if (gpu.window.readings > 0 && readings.at > gpu.window.grid_end)
      end(uuid, gpu, gpu.window.last, samples);
    it = readings.at - gpu.told_to > 2 * window_ && gpu.window.readings == 0 ? gpus_.erase(it)
                                                                             : std::next(it);
  }
  return samples;
}

std::vector<GpuSample> Windows::flush() {
  std::vector<GpuSample> samples;
  for (auto& [uuid, gpu] : gpus_) {
    if (gpu.window.readings > 0) end(uuid, gpu, gpu.window.last, samples);
  }
  return samples;
}

bool Windows::clock_allows(Time at, std::vector<GpuSample>& samples) {
  if (!last_ || at > *last_) return true;
  if (*last_ - at < window_) return false;
  samples = flush();
  for (auto& [uuid, gpu] : gpus_) {
    gpu.told_to = {};
    gpu.throttled.clear();
    gpu.cut = {};
  }
  return true;
}

void Windows::take(const std::string& uuid, const GpuReading& reading,
                   const std::vector<Holder>& holders, Time at, std::vector<GpuSample>& samples) {
  auto& gpu = gpus_[uuid];
  auto& window = gpu.window;
  if (window.readings > 0 && at > window.grid_end)
    end(uuid, gpu, follows(at, window.last) ? window.grid_end : window.last, samples);
  if (window.readings > 0 && is_newly_held(window, holders) && may_cut(gpu, News::holder, at))
    end(uuid, gpu, window.last, samples);
  begin_if_none(gpu, at);

  ++window.readings;
  window.last = at;
  window.index = reading.index;
  window.name = reading.name;
  window.utilization.add(reading.utilization_percent);
  if (reading.utilization_percent && std::isfinite(*reading.utilization_percent))
    window.utilization_max =
        std::max(window.utilization_max.value_or(0), *reading.utilization_percent);
  window.sm_active.add(reading.sm_active_percent);
  window.memory_used.add(reading.memory_used_mb);
  window.memory_total.add(reading.memory_total_mb);
  window.temperature.add(reading.temperature_celsius);
  window.power.add(reading.power_watts);
  for (const auto& holder : holders) {
    auto& held = window.holders[{holder.pod_namespace, holder.pod}];
    held.holder = holder;
    held.parts += holder.part;
    held.memory.add(holder.memory_mb);
  }
  if (note_news(gpu, reading, at)) end(uuid, gpu, at, samples);
}

bool Windows::may_cut(Gpu& gpu, News news, Time at) const {
  auto& cut = gpu.cut[static_cast<std::size_t>(news)];
  if (cut && at - *cut < window_) return false;
  cut = at;
  return true;
}

bool Windows::is_newly_held(const Window& window, const std::vector<Holder>& holders) const {
  return std::any_of(holders.begin(), holders.end(), [&](const Holder& holder) {
    return !window.holders.contains({holder.pod_namespace, holder.pod});
  });
}

bool Windows::note_news(Gpu& gpu, const GpuReading& reading, Time at) {
  auto& window = gpu.window;
  bool ends = false;
  // What is there at the first look may be old.
  const bool first = !std::exchange(gpu.seen, true);

  const int last_xid = reading.last_xid.value_or(0);
  const bool is_other = !first && last_xid > 0 && last_xid != gpu.xid.value_or(0);
  // Of several at once the first: the others mostly follow from it.
  if (!reading.new_xids.empty() || is_other) {
    window.xid = reading.new_xids.empty() ? last_xid : reading.new_xids.front();
    window.news = true;
    ends |= may_cut(gpu, News::xid, at);
  }
  gpu.xid = reading.last_xid ? reading.last_xid : gpu.xid;

  if (reading.ecc_errors_total) {
    const auto total = *reading.ecc_errors_total;
    const auto before = gpu.ecc_total.value_or(total);
    const auto more = total >= before ? total - before : total;  // a driver that was loaded anew
    window.ecc_errors = window.ecc_errors.value_or(0) + more;
    if (more > 0) {
      window.news = true;
      ends |= may_cut(gpu, News::ecc, at);
    }
    gpu.ecc_total = total;
  }

  for (const auto& reason : reading.throttle_reasons) {
    add_once(window.throttle_reasons, reason);
    const auto [known, is_new] = gpu.throttled.try_emplace(reason, at);
    if (is_new && !first) {
      window.news = true;
      ends |= may_cut(gpu, News::throttling, at);
    }
    known->second = at;
  }
  std::erase_if(gpu.throttled,
                [&](const auto& known) { return at - known.second > throttling_forgotten_after; });
  return ends;
}

void Windows::begin_if_none(Gpu& gpu, Time at) const {
  if (gpu.window.readings > 0) return;
  gpu.window = {};
  gpu.window.grid_end = grid_end(at);
  // A reading tells of the time since the one before.
  const auto since = gpu.told_to < at && follows(at, gpu.told_to) ? gpu.told_to : at - period_;
  gpu.window.begin = std::max<Time>(since, gpu.window.grid_end - window_);
}

void Windows::end(const std::string& uuid, Gpu& gpu, Time at, std::vector<GpuSample>& samples) {
  const auto window = std::exchange(gpu.window, {});
  gpu.told_to = at;
  const auto sm_active = window.sm_active.value();
  const auto utilization = window.utilization.value() ? window.utilization.value() : sm_active;
  if (!utilization && !window.news) return;

  GpuSample sample;
  sample.node = node_;
  sample.gpu_uuid = uuid;
  sample.gpu_index = window.index;
  sample.gpu_type = window.name;
  sample.sampled_at = at;
  sample.interval_seconds = std::chrono::duration<double>(at - window.begin).count();
  sample.utilization_percent = percent(utilization.value_or(0));
  if (window.utilization_max) sample.utilization_max_percent = percent(*window.utilization_max);
  if (sm_active) sample.sm_active_percent = percent(*sm_active);
  sample.memory_used_mb = not_negative(window.memory_used.value());
  sample.memory_total_mb = not_negative(window.memory_total.value());
  sample.temperature_celsius = window.temperature.value().value_or(0);
  sample.power_watts = not_negative(window.power.value());
  sample.xid = window.xid;
  sample.ecc_errors = window.ecc_errors;
  sample.throttle_reasons = window.throttle_reasons;

  std::vector<double> parts;
  for (const auto& [name, held] : window.holders) parts.push_back(held.parts);
  const bool known =
      std::any_of(window.holders.begin(), window.holders.end(),
                  [](const auto& entry) { return !entry.second.holder.pod.empty(); });
  if (!known) {
    samples.push_back(std::move(sample));
    return;
  }
  const auto shares = to_shares(parts);
  std::size_t i = 0;
  for (const auto& [name, held] : window.holders) {
    auto one = sample;
    one.pod = held.holder.pod;
    one.pod_namespace = held.holder.pod_namespace;
    one.job_id = held.holder.job_id;
    one.attempt = held.holder.attempt;
    one.share = shares[i++];
    one.process_memory_mb = held.memory.value();
    samples.push_back(std::move(one));
  }
}

Time Windows::grid_end(Time at) const {
  const auto since_1970 = at.time_since_epoch();
  return Time((since_1970 + window_ - 1ms) / window_ * window_);
}

}  // namespace oppen::telemetry
