#include "producers/telemetry/gpu_page.hpp"

#include <optional>
#include <utility>

namespace oppen::telemetry {
namespace {

struct Gauge {
  const char* name;
  const char* help;
};
constexpr Gauge utilization{"nvidia_smi_utilization_gpu",
                            "Percent of the time that the GPU worked, the pod's share of it"};
constexpr Gauge memory{"nvidia_smi_memory_used_mb", "MiB of GPU memory, the pod's share of them"};
constexpr Gauge temperature{"nvidia_smi_temperature_gpu", "Degrees Celsius of the GPU"};
constexpr Gauge power{"nvidia_smi_power_watts", "Watts of the GPU, the pod's share of them"};

std::optional<double> times(std::optional<double> value, double part) {
  if (value) *value *= part;
  return value;
}

}  // namespace

void GpuPage::set(const std::string& node, const Readings& readings,
                  const std::vector<std::vector<Holder>>& holders) {
  static const std::vector<Holder> nobody(1);
  std::vector<Line> lines;
  for (std::size_t i = 0; i < readings.gpus.size(); ++i) {
    const auto& gpu = readings.gpus[i];
    for (const auto& holder : holders[i].empty() ? nobody : holders[i]) {
      const runtime::Labels labels = {{"gpu_uuid", gpu.uuid},
                                      {"node", node},
                                      {"pod_name", holder.pod},
                                      {"pod_namespace", holder.pod_namespace},
                                      {"model", holder.model_type}};
      const auto add = [&](const Gauge& gauge, std::optional<double> value) {
        if (value) lines.push_back({gauge.name, gauge.help, labels, *value});
      };
      add(utilization, times(gpu.utilization_percent, holder.part));
      add(memory, holder.memory_mb ? holder.memory_mb : times(gpu.memory_used_mb, holder.part));
      add(temperature, gpu.temperature_celsius);
      add(power, times(gpu.power_watts, holder.part));
    }
  }
  const std::lock_guard lock(mutex_);
  nodes_[node] = std::move(lines);
}

void GpuPage::clear(const std::string& node) {
  const std::lock_guard lock(mutex_);
  nodes_.erase(node);
}

std::string GpuPage::render() const {
  runtime::Metrics page;
  const std::lock_guard lock(mutex_);
  for (const auto& [node, lines] : nodes_) {
    for (const auto& line : lines) page.gauge(line.name, line.help, line.labels).set(line.value);
  }
  return page.render();
}

}  // namespace oppen::telemetry
