// A GPU that is hot. Data centre GPUs slow down at about 85 to 90 degrees, and switch off some degrees above.
#include <fmt/format.h>

#include "workers/anomaly/rules/mean.hpp"
#include "workers/anomaly/rules/rules.hpp"

namespace oppen::anomaly {
namespace {

constexpr double hot = 85;
constexpr double cool = 80;
constexpr double critical = 92;
constexpr std::chrono::seconds tau{60};

struct Heat {
  std::string node;
  Mean celsius;
  bool on = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Heat, node, celsius, on)

class GpuHot : public RuleOf<Heat> {
 public:
  GpuHot() : RuleOf("gpu_heat") {}

  void take(const Happening& one, const Scene& /*scene*/) override {
    const auto* sample = std::get_if<Sampled>(&one.fact);
    if (sample == nullptr) return;
    auto& heat = kept_.at(sample->gpu->number, sample->gpu->gpu_uuid);
    if (heat.node != sample->gpu->node) heat.node = sample->gpu->node;
    heat.celsius.add(sample->temperature_celsius, sample->sampled_at, tau);
  }

  void look(Time now, const Scene& scene, std::vector<Finding>& found) override {
    kept_.erase_if([&](const Heat& heat) { return now > heat.celsius.at + Mean::gap; });
    const bool may_be_open = scene.may_be_open("gpu_hot");
    for (const auto& [uuid, heat] : kept_.all()) {
      const auto celsius = heat.celsius.value;
      const bool on = still_above(heat.on, celsius, hot, cool);
      if (on != heat.on) kept_.at(uuid).on = on;
      if (!on && !may_be_open) continue;
      auto finding = about("gpu_hot", {{"node", heat.node}, {"gpu_uuid", uuid}});
      finding.holds = on;
      finding.severity = celsius > critical ? "critical" : "warning";
      finding.badness = std::max(celsius - cool, 0.0);
      finding.expected = hot;
      finding.actual = celsius;
      finding.summary =
          fmt::format("GPU {} of node {} has {:.0f} degrees Celsius: expected at most {:.0f}", uuid,
                      heat.node, celsius, hot);
      found.push_back(std::move(finding));
    }
  }
};

}  // namespace

std::unique_ptr<Rule> gpu_hot() { return std::make_unique<GpuHot>(); }

}  // namespace oppen::anomaly
