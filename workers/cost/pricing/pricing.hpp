#pragma once
// What a run costs. Pure, exact, integer micro-dollars; shared by whoever has to name a price. Any thread.
//
//   hourly = (gpus x GPU rate + cores x core rate + GiB x memory rate) x time x priority x spot
//
// and a job without a GPU pays cpu_only_hourly in the GPU's place. A GB of the price list is a GiB.
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "schemas/error.hpp"
#include "schemas/job.hpp"
#include "schemas/time.hpp"

namespace oppen::pricing {

// The ConfigMap `cost-model`. Rates in micro-dollars an hour, multipliers in millionths, so that arithmetic is exact.
struct CostModel {
  std::int64_t gpu_hourly = 250'000;
  std::map<std::string, std::int64_t> gpu_type_hourly = {
      {"A100", 350'000}, {"V100", 250'000}, {"T4", 150'000}};
  std::int64_t cpu_only_hourly = 100'000;
  std::int64_t cpu_core_hourly = 50'000;
  std::int64_t memory_gib_hourly = 10'000;
  int off_peak_start_minute = 22 * 60;  // of the local day
  int off_peak_end_minute = 6 * 60;     // exclusive; below the start: the window crosses midnight
  std::string time_zone = "UTC";        // IANA
  std::int64_t off_peak_multiplier = 500'000;
  std::int64_t urgent_multiplier = 1'500'000;
  std::int64_t background_multiplier = 800'000;
  std::int64_t spot_multiplier = 300'000;
  std::int64_t spot_interruption_rate = 50'000;

  bool operator==(const CostModel&) const = default;
};

// Every fault at once, with key, value and what was expected; unknown keys are faults. An absent key keeps its default.
tl::expected<CostModel, FieldErrors> parse_cost_model(
    const std::map<std::string, std::string>& config_map);

// Whether the ConfigMap may have this key.
bool is_cost_model_key(const std::string& key);

// What is priced.
struct Usage {
  Resources resources;
  std::string gpu_type;  // what it really got; "" : resources.gpu_type
  Priority priority = Priority::normal;
  bool spot = false;
};

struct Price {
  MicroUsd gpu;  // or the CPU-only rate
  MicroUsd cpu;
  MicroUsd memory;
  MicroUsd total;  // their sum
};

// The cost from `start` to `end`, split exactly where the off-peak window opens and closes in the model's zone (daylight saving
// changes included). Cumulative amounts are rounded half up once, so price(a,c) = price(a,b) + (price(a,c) - price(a,b)) for any b
// when a is the run's start. Zero when end <= start.
Price price(const Usage& usage, Time start, Time end, const CostModel& model);

// The hourly rate at an instant.
MicroUsd hourly(const Usage& usage, Time at, const CostModel& model);

}  // namespace oppen::pricing
