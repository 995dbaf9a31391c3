#pragma once
// The optimisation challenge: an inference workload on the dearest way to serve it, and what each optimisation changes in cost, latency
// and accuracy. Pure, any thread. docs/challenge.md derives every formula.
//
// A GPU takes at most `target_load` of what it could serve, so there are as many of them as the rate of requests needs. An hour costs the
// GPUs and what each takes of its machine, at the rates of the cost model without its multipliers.
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "producers/challenge/service_time.hpp"
#include "schemas/error.hpp"
#include "schemas/units.hpp"

namespace oppen::challenge {

// Micro-dollars an hour.
struct Prices {
  std::map<std::string, std::int64_t> gpu_type = {
      {"A100", 350'000}, {"V100", 250'000}, {"T4", 150'000}};
  std::int64_t gpu = 250'000;  // of a type without a price of its own
  std::int64_t core = 50'000;
  std::int64_t gib = 10'000;

  // A GPU with `cores_per_gpu` and `gib_per_gpu`.
  std::int64_t with_host(const std::string& type) const;
};
inline constexpr int cores_per_gpu = 1;
inline constexpr int gib_per_gpu = 4;

struct Serving {
  std::string gpu_type = "T4";
  Precision precision = Precision::fp32;
  int batch_size = 1;
  int time_slices = 1;  // 4: a GPU may be shared by four, of which one is a quarter
};

inline constexpr double least_batch_seconds = 1e-6;
inline constexpr double most_batch_seconds = 3'600;

// What somebody has measured, in the place of the model's figures.
struct Measured {
  std::string gpu_type;
  Precision precision = Precision::fp32;
  int batch_size = 1;
  double batch_seconds = 0;
  std::optional<double> accuracy_percent = {};
};

// A JSON array of {"gpu_type","precision","batch_size", "batch_ms" or "inferences_per_second", "accuracy_percent"?}. Every fault, with
// its path, value and what was expected.
tl::expected<std::vector<Measured>, FieldErrors> parse_measured(std::string_view text);

struct Workload {
  double requests_per_second = 5'000;
  double max_p99_ms = 100;
  std::vector<Measured> measured = {};
};
inline constexpr double target_load = 0.7;  // as gpu_utilization_target
inline constexpr double least_accuracy_share =
    0.99;  // of the baseline's; as MLPerf Inference demands

struct Outcome {
  std::string name;  // "batch size 8"
  Serving setup;
  double gpus = 0;  // quarters where they are shared
  double load_percent = 0;
  std::int64_t hourly_microusd = 0;
  double cost_per_1000_microusd = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double accuracy_percent = 0;
  bool measured = false;
  // Against the last one that was kept.
  double saving_percent = 0;
  double p99_change_ms = 0;
  double accuracy_change = 0;  // in points
  double roi =
      0;  // the saving in percent per dollar that an hour costs with it; 0 where it costs nothing
  bool kept = true;
  std::string why_not = {};
};

struct Result {
  std::vector<Outcome> steps;  // the baseline first
  Outcome sum;                 // the last that was kept, against the baseline
  std::int64_t saved_per_day_microusd = 0;
  std::vector<Measured>
      unused;  // of a setup that no step has, or of which another was measured before
};

// One setup, by itself.
Outcome evaluate(const Serving& setup, const Workload& workload, const Prices& prices);

Result run(const Workload& workload, const Prices& prices);

nlohmann::json to_json(const Result& result, const Workload& workload, const Prices& prices);

}  // namespace oppen::challenge
