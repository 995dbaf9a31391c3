// A GPU whose clocks are held down by heat or by its power supply, most of the time. What limits it by choice (a power cap, clocks that were set)
// is no fault. The reasons are those of NVML (nvmlClocksEventReasons).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "workers/anomaly/rules/mean.hpp"
#include "workers/anomaly/rules/rules.hpp"

namespace oppen::anomaly {
namespace {

constexpr std::array reasons_to_tell = {"hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown",
                                        "hw_power_brake_slowdown"};
constexpr std::chrono::seconds throttle_tau{120};

struct Throttling {
  std::string node;
  std::string reason;  // the last one
  Mean part;           // of the samples, 0 to 1
  bool on = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Throttling, node, reason, part, on)

class GpuThrottled : public RuleOf<Throttling> {
 public:
  GpuThrottled() : RuleOf("gpu_throttling") {}

  void take(const Happening& one, const Scene& /*scene*/) override {
    const auto* sample = std::get_if<Sampled>(&one.fact);
    if (sample == nullptr) return;
    const auto& given = sample->throttle_reasons;
    const auto reason = std::find_if(given.begin(), given.end(), [](const std::string& each) {
      return std::find(reasons_to_tell.begin(), reasons_to_tell.end(), each) !=
             reasons_to_tell.end();
    });
    if (reason == given.end() && kept_.find(sample->gpu->gpu_uuid) == nullptr) return;
    auto& throttling = kept_.at(sample->gpu->gpu_uuid);
    throttling.node = sample->gpu->node;
    if (reason != given.end()) throttling.reason = *reason;
    throttling.part.add(reason == given.end() ? 0 : 1, sample->sampled_at, throttle_tau);
  }

  void look(Time now, const Scene& /*scene*/, std::vector<Finding>& found) override {
    for (const auto& [uuid, one] : kept_.all()) {
      const bool on = still_above(one.on, one.part.value, 0.5, 0.1);
      if (on != one.on) kept_.at(uuid).on = on;
      auto finding = about("gpu_throttled", {{"node", one.node}, {"gpu_uuid", uuid}});
      finding.holds = on;
      finding.severity = "warning";
      finding.badness = 1;
      finding.actual = one.part.value;
      finding.summary =
          fmt::format("GPU {} of node {} is slowed down: {}", uuid, one.node, one.reason);
      found.push_back(std::move(finding));
    }
    kept_.erase_if([&](const Throttling& one) {
      return now > one.part.at + Mean::gap || (!one.on && one.part.value < 0.01);
    });
  }
};

}  // namespace

std::unique_ptr<Rule> gpu_throttled() { return std::make_unique<GpuThrottled>(); }

}  // namespace oppen::anomaly
