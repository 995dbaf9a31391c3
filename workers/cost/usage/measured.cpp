#include "workers/cost/usage/measured.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace oppen::cost {
namespace {

void add_up(std::int64_t& into, std::int64_t amount) {
  if (__builtin_add_overflow(into, amount, &into)) into = std::numeric_limits<std::int64_t>::max();
}

double ratio(std::int64_t part, std::int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

void Measured::add(const GpuReading& reading) {
  const std::int64_t time = std::llround(static_cast<double>(reading.interval_ms) * reading.share);
  const std::int64_t utilization = std::llround(reading.utilization_percent * 100);
  add_up(gpu_ms, time);
  add_up(gpu_busy, time * utilization);
  if (reading.of_sm_active) add_up(sm_ms, time);
  gpu_highest = std::max(gpu_highest, utilization);
  if (reading.memory_mb)
    gpu_memory_max_mb = std::max(gpu_memory_max_mb.value_or(0), *reading.memory_mb);
}

void Measured::add(const PodReading& reading) {
  const std::int64_t millicores = std::llround(reading.cpu_cores * 1000);
  add_up(pod_ms, reading.interval_ms);
  add_up(cpu_used, reading.interval_ms * millicores);
  cpu_highest = std::max(cpu_highest, millicores);
  memory_max_bytes = std::max(memory_max_bytes, reading.memory_bytes);
}

Measured& Measured::operator+=(const Measured& other) {
  add_up(gpu_ms, other.gpu_ms);
  add_up(gpu_busy, other.gpu_busy);
  add_up(sm_ms, other.sm_ms);
  gpu_highest = std::max(gpu_highest, other.gpu_highest);
  if (other.gpu_memory_max_mb)
    gpu_memory_max_mb = std::max(gpu_memory_max_mb.value_or(0), *other.gpu_memory_max_mb);
  add_up(pod_ms, other.pod_ms);
  add_up(cpu_used, other.cpu_used);
  cpu_highest = std::max(cpu_highest, other.cpu_highest);
  memory_max_bytes = std::max(memory_max_bytes, other.memory_max_bytes);
  return *this;
}

std::optional<double> Measured::gpu_utilization_percent() const {
  if (gpu_ms == 0) return std::nullopt;
  return ratio(gpu_busy, gpu_ms) / 100;
}

std::optional<double> Measured::gpu_utilization_max_percent() const {
  if (gpu_ms == 0) return std::nullopt;
  return ratio(gpu_highest, 100);
}

std::optional<double> Measured::cpu_cores_mean() const {
  if (pod_ms == 0) return std::nullopt;
  return ratio(cpu_used, pod_ms) / 1000;
}

std::optional<double> Measured::cpu_cores_max() const {
  if (pod_ms == 0) return std::nullopt;
  return ratio(cpu_highest, 1000);
}

std::optional<double> Measured::memory_max() const {
  if (pod_ms == 0) return std::nullopt;
  return static_cast<double>(memory_max_bytes);
}

std::string_view Measured::utilization_source() const {
  if (gpu_ms == 0) return {};
  return sm_ms >= gpu_ms - sm_ms ? "sm_active" : "gpu_utilization";
}

}  // namespace oppen::cost
