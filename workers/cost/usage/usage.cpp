#include "workers/cost/usage/usage.hpp"

#include <algorithm>
#include <limits>

namespace oppen::cost {
namespace {

__extension__ using Wide = __int128;

// Beyond these a value is a sentinel or a slip, not a measurement.
constexpr std::int64_t longest_interval_ms = 3'600'000;
constexpr double most_cores = 4'096;
constexpr double most_memory_mb = 1e9;
constexpr std::int64_t most_memory_bytes = std::int64_t{1} << 50;

std::int64_t narrow(Wide value) {
  return static_cast<std::int64_t>(
      std::clamp<Wide>(value, 0, std::numeric_limits<std::int64_t>::max() / 4));
}

}  // namespace

Usage::Outcome Usage::add(const GpuReading& reading) {
  if (reading.interval_ms > longest_interval_ms || reading.memory_mb.value_or(0) > most_memory_mb)
    return Outcome::absurd;
  const auto outcome = see(reading.device, reading.sampled_at);
  if (outcome == Outcome::counted) measured_.add(reading);
  return outcome;
}

Usage::Outcome Usage::add(const PodReading& reading) {
  if (reading.interval_ms > longest_interval_ms || reading.cpu_cores > most_cores ||
      reading.memory_bytes > most_memory_bytes)
    return Outcome::absurd;
  const auto outcome = see(reading.device, reading.sampled_at);
  if (outcome == Outcome::counted) measured_.add(reading);
  return outcome;
}

Usage::Outcome Usage::see(std::uint64_t device, Time sampled_at) {
  auto found = std::find_if(seen_.begin(), seen_.end(),
                            [device](const Seen& seen) { return seen.device() == device; });
  if (found == seen_.end()) {
    if (seen_.size() == most_devices) return Outcome::too_many;
    found = seen_.emplace(seen_.end(), device);
  }
  switch (found->see(sampled_at)) {
    case Seen::Verdict::repeated:
      return Outcome::repeated;
    case Seen::Verdict::late:
      return Outcome::late;
    case Seen::Verdict::fresh:
      break;
  }
  latest_ = std::max(latest_, sampled_at);
  changed_ = true;
  return Outcome::counted;
}

Effective Usage::settle(std::int64_t gpu_hourly_microusd, std::int64_t charged_microusd) {
  constexpr Wide nano_and_hour = 3'600;  // 3,600,000 ms an hour, 1,000 thousandths
  constexpr Wide whole = 10'000;         // 100 % in hundredths
  const Wide hourly = std::max<std::int64_t>(gpu_hourly_microusd, 0);
  const Wide time = measured_.gpu_ms - settled_ms_;
  const Wide busy = measured_.gpu_busy - settled_busy_;
  settled_ms_ = measured_.gpu_ms;
  settled_busy_ = measured_.gpu_busy;
  measured_nanousd_ = narrow(measured_nanousd_ + time * hourly / nano_and_hour);
  effective_nanousd_ = narrow(effective_nanousd_ + busy * hourly / (nano_and_hour * whole));

  Effective now{(measured_nanousd_ + 500) / 1000, (effective_nanousd_ + 500) / 1000};
  const std::int64_t charged = std::max<std::int64_t>(charged_microusd, 0);
  if (now.measured_microusd > charged) {
    now.effective_microusd = narrow(Wide{now.effective_microusd} * charged / now.measured_microusd);
    now.measured_microusd = charged;
  }
  const Effective before = std::exchange(told_, now);
  return {now.measured_microusd - before.measured_microusd,
          now.effective_microusd - before.effective_microusd};
}

}  // namespace oppen::cost
