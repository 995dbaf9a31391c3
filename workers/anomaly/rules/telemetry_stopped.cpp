// A node whose samples have stopped, though the node is there: what its GPUs do is not known, which is not that they do nothing. It is there
// where Kubernetes says so (node.observed), or else where a job runs.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "workers/anomaly/rules/rules.hpp"

namespace oppen::anomaly {
namespace {

constexpr std::chrono::minutes silent{5};
constexpr std::chrono::hours given_up{24};

struct Heard {
  Time at{};
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Heard, at)

class TelemetryStopped : public RuleOf<Heard> {
 public:
  TelemetryStopped() : RuleOf("nodes_heard") {}

  void take(const Happening& one, const Scene& /*scene*/) override {
    if (const auto* node = std::get_if<NodeObserved>(&one.fact); node && node->state == "gone")
      kept_.erase(node->node);
    const auto* sample = std::get_if<Sampled>(&one.fact);
    if (sample == nullptr) return;
    auto& heard = kept_.at(sample->gpu->number, sample->gpu->node);
    heard.at = std::max(heard.at, sample->sampled_at);
  }

  void resume(Time now) override {
    for (const auto& [name, heard] : kept_.all()) kept_.at(name).at = now;
  }

  void look(Time now, const Scene& scene, std::vector<Finding>& found) override {
    std::set<std::string> at_work;
    for (const auto& [id, job] : scene.jobs()) {
      if (!job.node.empty()) at_work.insert(job.node);
    }
    const bool may_be_open = scene.may_be_open("telemetry_stopped");
    for (const auto& [name, heard] : kept_.all()) {
      const auto node = scene.nodes().find(name);
      // What ails a node that is down is told by Kubernetes.
      const bool is_up =
          node == scene.nodes().end() ? at_work.contains(name) : node->second.state != "not_ready";
      const bool holds = is_up && now > heard.at + silent;
      if (!holds && !may_be_open) continue;
      auto finding = about("telemetry_stopped", {{"node", name}});
      finding.holds = holds;
      finding.severity = "warning";
      finding.badness = 1;
      finding.summary = fmt::format(
          "Node {} sends no telemetry since {}: what its GPUs do is not known; look at "
          "oppen-telemetry there",
          name, to_rfc3339(heard.at));
      found.push_back(std::move(finding));
    }
    kept_.erase_if([&](const Heard& heard) { return now > heard.at + given_up; });
  }
};

}  // namespace

std::unique_ptr<Rule> telemetry_stopped() { return std::make_unique<TelemetryStopped>(); }

}  // namespace oppen::anomaly
