// How a pod uses the GPUs that it holds: too little, to the full, not at all, or little for much money. What counts is the mean of all its
// GPUs over some minutes, in which samples are there; a pod of which nothing is heard is not judged.
#include <fmt/format.h>

#include <algorithm>

#include "workers/anomaly/rules/mean.hpp"
#include "workers/anomaly/rules/rules.hpp"

namespace oppen::anomaly {
namespace {

constexpr std::chrono::seconds use_tau{300};
constexpr std::chrono::minutes known_after{5};  // the first minutes of a pod load things
constexpr std::chrono::minutes fresh{3};
constexpr std::chrono::hours forgotten{1};
constexpr double margin = 5;  // percent, between bad and well
constexpr double idle_below = 1;
constexpr double idle_until = 5;
constexpr MicroUsd wasteful_hourly{100'000};
constexpr double wasteful_below = 30;

struct Pod {
  Labels labels;
  std::map<std::string, Mean> gpus;
  Time at{};                // of its last sample
  std::int64_t hourly = 0;  // micro-dollars
  std::int64_t wasted = 0;  // micro-dollars, since it is wasteful
  bool ended = false;
  bool under = false;
  bool over = false;
  bool idle = false;
  bool wasteful = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Pod, labels, gpus, at, hourly, wasted, ended, under,
                                                over, idle, wasteful)

// nullopt: not known now.
std::optional<double> use_of(const Pod& pod, Time now) {
  double sum = 0;
  int count = 0;
  for (const auto& [uuid, mean] : pod.gpus) {
    if (now > mean.at + fresh || mean.at < mean.began + known_after) continue;
    sum += mean.value;
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

std::string name_of(const Pod& pod) {
  return "Pod " + pod.labels.at("namespace") + "/" + pod.labels.at("pod");
}

class PodUse : public RuleOf<Pod> {
 public:
  PodUse() : RuleOf("pods") {}

  void take(const Happening& one, const Scene& scene) override {
    if (const auto* sample = std::get_if<Sampled>(&one.fact)) take(*sample, scene);
    if (const auto* charge = std::get_if<CostAccrued>(&one.fact)) take(*charge);
    if (const auto* change = std::get_if<JobChange>(&one.fact)) {
      const bool over =
          change->what == JobChange::What::ended || change->what == JobChange::What::requeued;
      const auto key = change->pod_namespace + "/" + change->pod;
      const bool begins =
          change->what == JobChange::What::launched || change->what == JobChange::What::started;
      const auto* known = kept_.find(key);
      if (known == nullptr) return;
      if (over) kept_.at(key).ended = true;
      if (begins && known->ended) kept_.erase(key);  // another one of that name
    }
  }

  void look(Time now, const Scene& scene, std::vector<Finding>& found) override {
    const auto policy = scene.policy(now);
    for (const auto& [key, known] : kept_.all()) {
      // A mean begins anew after such a gap, so that nothing is lost by it.
      const auto is_gone = [&](const auto& gpu) { return now > gpu.second.at + Mean::gap; };
      if (std::any_of(known.gpus.begin(), known.gpus.end(), is_gone))
        std::erase_if(kept_.at(key).gpus, is_gone);
      const auto use = known.ended ? std::optional<double>() : use_of(known, now);
      if (use) judge(key, *use, policy);
      if (use || known.ended) tell(known, use.value_or(0), scene, policy, found);
    }
    kept_.erase_if([&](const Pod& pod) { return now > pod.at + forgotten; });
  }

 private:
  void take(const Sampled& sample, const Scene& scene) {
    const auto& gpu = *sample.gpu;
    if (gpu.pod.empty()) return;
    auto& pod = kept_.at(gpu.number, gpu.pod_key);
    if (pod.labels.empty()) {
      pod.labels = {{"namespace", gpu.pod_namespace}, {"pod", gpu.pod}, {"node", gpu.node}};
      if (!gpu.job_id.empty()) pod.labels["job_id"] = gpu.job_id;
      if (const auto* job = scene.job(gpu.job_id)) {
        if (!job->team.empty()) pod.labels["team"] = job->team;
        if (!job->project.empty()) pod.labels["project"] = job->project;
        pod.labels["model_type"] = job->model_type;
      }
    }
    if (pod.gpus[gpu.gpu_uuid].add(sample.utilization_percent, sample.sampled_at, use_tau))
      pod.at = std::max(pod.at, sample.sampled_at);
  }

  void take(const CostAccrued& charge) {
    const auto name =
        charge.pod.empty() ? fmt::format("{}-{}", charge.job_id, charge.attempt) : charge.pod;
    const auto key = charge.pod_namespace + "/" + name;
    const auto seconds =
        std::chrono::duration<double>(charge.interval_end - charge.interval_start).count();
    if (kept_.find(key) == nullptr || charge.correction || seconds <= 0) return;
    auto& pod = kept_.at(key);
    pod.hourly =
        static_cast<std::int64_t>(static_cast<double>(charge.total.value) / seconds * 3600);
    if (!pod.wasteful) return;
    const auto use = use_of(pod, pod.at).value_or(100);
    pod.wasted +=
        static_cast<std::int64_t>(static_cast<double>(charge.total.value) * (1 - use / 100));
  }

  void judge(const std::string& key, double use, const Policy& policy) {
    const auto& was = *kept_.find(key);
    const bool under = still_below(was.under, use, policy.use_min, policy.use_min + margin);
    const bool over = still_above(was.over, use, policy.use_max, policy.use_max - margin);
    const bool idle = still_below(was.idle, use, idle_below, idle_until);
    const bool wasteful = was.hourly > wasteful_hourly.value &&
                          still_below(was.wasteful, use, wasteful_below, wasteful_below + margin);
    if (under == was.under && over == was.over && idle == was.idle && wasteful == was.wasteful)
      return;
    auto& pod = kept_.at(key);
    pod.under = under;
    pod.over = over;
    pod.idle = idle;
    if (!wasteful) pod.wasted = 0;
    pod.wasteful = wasteful;
  }

  static void tell(const Pod& pod, double use, const Scene& scene, const Policy& policy,
                   std::vector<Finding>& found) {
    // nullptr: nobody waits to hear that it is well.
    const auto add = [&](const char* kind, bool bad, const char* severity, double badness,
                         double expected) -> Finding* {
      const bool holds = bad && !pod.ended;
      if (!holds && !scene.may_be_open(kind)) return nullptr;
      auto& finding = found.emplace_back(about(kind, pod.labels));
      finding.holds = holds;
      finding.severity = severity;
      finding.badness = badness;
      finding.expected = expected;
      finding.actual = use;
      return &finding;
    };
    if (auto* under =
            add("gpu_underutilized", pod.under, "info", policy.use_min - use, policy.use_min)) {
      under->summary = fmt::format("{} uses its GPUs at {:.0f} %: expected at least {:g} %",
                                   name_of(pod), use, policy.use_min);
    }
    if (auto* over = add("gpu_saturated", pod.over, "info", use, policy.use_max)) {
      over->summary =
          fmt::format("{} uses its GPUs at {:.0f} %: more than {:g} %, there is no room left",
                      name_of(pod), use, policy.use_max);
    }
    if (auto* idle = add("gpu_idle_held", pod.idle, "warning", 1, policy.use_min)) {
      idle->summary =
          fmt::format("{} holds {} and does nothing with {}", name_of(pod),
                      pod.gpus.size() == 1 ? "a GPU" : fmt::format("{} GPUs", pod.gpus.size()),
                      pod.gpus.size() == 1 ? "it" : "them");
    }
    if (auto* wasteful = add("wasteful_pod", pod.wasteful, "warning",
                             static_cast<double>(pod.hourly), wasteful_below)) {
      wasteful->summary = fmt::format("{} costs {} an hour and uses its GPUs at {:.0f} %",
                                      name_of(pod), to_string(MicroUsd{pod.hourly}), use);
      wasteful->impact = MicroUsd{pod.wasted};
    }
  }
};

}  // namespace

std::unique_ptr<Rule> pod_use() { return std::make_unique<PodUse>(); }

}  // namespace oppen::anomaly
