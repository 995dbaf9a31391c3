#include "producers/challenge/service_time.hpp"

#include <algorithm>

namespace oppen::challenge {

std::string_view to_string(Precision precision) {
  constexpr std::string_view names[] = {"FP32", "FP16", "INT8"};
  return names[static_cast<std::size_t>(precision)];
}

double bytes_of(Precision precision) {
  constexpr double bytes[] = {4, 2, 1};
  return bytes[static_cast<std::size_t>(precision)];
}

const std::vector<Gpu>& gpus() {
  static const std::vector<Gpu> known = {
      {"T4", {8.1, 65, 130}, 320},             // NVIDIA T4 datasheet (2019)
      {"V100", {15.7, 125, 125}, 900, false},  // NVIDIA V100 datasheet (2020), SXM2
      {"A100", {19.5, 312, 624}, 1'555}};      // NVIDIA A100 datasheet (2020), 40 GB
  return known;
}

const Gpu* gpu_of(std::string_view type) {
  for (const auto& gpu : gpus()) {
    if (gpu.type == type) return &gpu;
  }
  return nullptr;
}

const Network& resnet50() {
  static const Network network = {"ResNet-50 v1.5", 8.2, 25.6, 11.1, {76.456, 76.456, 75.920}};
  return network;
}

const Runtime& engine() {
  static const Runtime runtime = {"engine", 0.00045, false, 2};
  return runtime;
}

const Runtime& eager() {
  static const Runtime runtime = {"eager", 0.0105, true, 6};
  return runtime;
}

double batch_seconds(const Network& network, const Gpu& gpu, Precision precision, int batch_size,
                     const Runtime& runtime) {
  const double peak = gpu.tera_per_second[static_cast<std::size_t>(precision)] * 1e12;
  const double compute = batch_size * network.giga_operations * 1e9 / (peak * compute_share);
  const double values =
      (batch_size * network.million_activations * runtime.accesses + network.million_parameters) *
      1e6;
  const double memory =
      values * bytes_of(precision) / (gpu.gigabytes_per_second * 1e9 * memory_share);
  const double roofline = std::max(compute, memory);
  return runtime.overlaps ? std::max(runtime.launch_seconds, roofline)
                          : runtime.launch_seconds + roofline;
}

}  // namespace oppen::challenge
