#include "producers/telemetry/wiring.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "producers/telemetry/cgroups.hpp"
#include "producers/telemetry/following.hpp"
#include "producers/telemetry/sources/choose.hpp"
#include "producers/telemetry/sources/replay.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;

// How often pods are listed: a pod that is not known yet is asked for at once. On simulated nodes no process tells of one.
constexpr std::chrono::milliseconds list_every = 30s;
constexpr std::chrono::milliseconds list_simulated_every = 2s;
constexpr auto try_again_after = 10s;
constexpr int looks_before_warning = 10;

SourceSettings source_settings(const Options& options) {
  SourceSettings settings;
  settings.dcgm_url = options.dcgm_url;
  if (options.source == "auto") return settings;
  if (options.source != "nvml") settings.nvml_library.clear();
  if (options.source != "dcgm") settings.dcgm_url.clear();
  if (options.source != "nvidia-smi") settings.nvidia_smi.clear();
  return settings;
}

// The node's source, opened when it is there: a driver or an exporter may come up after the agent.
class AwaitedSource final : public Source {
 public:
  AwaitedSource(SourceSettings settings, const Clock& clock)
      : settings_(std::move(settings)), clock_(clock) {}

  std::string name() const override { return source_ ? source_->name() : "none"; }

  Result<Readings> read() override {
    if (!source_) {
      const auto now = std::chrono::steady_clock::now();
      if (tried_at_ && now - *tried_at_ < try_again_after) return fail(why_not_);
      tried_at_ = now;
      auto source = choose_source(settings_, clock_);
      if (!source) {
        why_not_ = {ErrorKind::unavailable, source.error().message};
        return fail(why_not_);
      }
      source_ = std::move(*source);
      SPDLOG_INFO("reading by {}", source_->name());
    }
    auto readings = source_->read();
    if (readings) warn_if_silent(*readings);
    return readings;
  }

 private:
  // SM activity is told from the second reading on.
  void warn_if_silent(const Readings& readings) {
    if (looks_ >= looks_before_warning) return;
    looks_ = tells_utilization(readings) ? looks_before_warning : looks_ + 1;
    if (looks_ == looks_before_warning && !tells_utilization(readings)) {
      SPDLOG_WARN("{} tells no GPU's utilisation nor SM activity: there are no samples of them",
                  source_->name());
    }
  }

  const SourceSettings settings_;
  const Clock& clock_;
  std::optional<std::chrono::steady_clock::time_point> tried_at_;
  Error why_not_;
  std::unique_ptr<Source> source_;
  int looks_ = 0;  // readings without a utilisation, up to looks_before_warning
};

// Fills in Kubernetes and the directory of pods. Without a cluster there is none.
Status find_pods(Wiring& wiring, const Options& options, const std::vector<std::string>& nodes) {
  auto kube = runtime::KubeAccess::from_environment();
  if (!kube) {
    if (!options.simulated().empty()) return fail(kube.error());
    if (!options.once) SPDLOG_WARN("samples will name no jobs: {}", kube.error().message);
    return {};
  }
  wiring.kube = std::move(*kube);
  if (!options.simulated().empty())
    wiring.simulated_nodes = std::make_unique<SimulatedNodes>(*wiring.kube);
  wiring.directory = std::make_unique<PodDirectory>(
      *wiring.kube, options.worker.kube_namespace, nodes,
      options.simulated().empty() ? list_every : list_simulated_every);
  return {};
}

Result<std::vector<Sampler::Node>> open_nodes(Wiring& wiring, const Options& options,
                                              const Clock& clock) {
  std::vector<Sampler::Node> nodes;
  if (options.replay.empty()) {
    nodes.push_back(
        {options.node, std::make_unique<AwaitedSource>(source_settings(options), clock)});
    return nodes;
  }
  auto recording = open_replay(options.replay);
  if (!recording) return fail(recording.error());
  if (options.simulated().empty()) {
    nodes.push_back({options.node, std::move(*recording)});
    return nodes;
  }
  auto loads = Loads::read(**recording);
  if (!loads) return fail(loads.error());
  const auto shared = std::make_shared<const Loads>(std::move(*loads));
  for (const auto& name : options.simulated()) {
    nodes.push_back(
        {name, std::make_unique<Following>(
                   shared, [&wiring, name] { return wiring.simulated_nodes->ask(name); },
                   [&wiring] { return wiring.directory->known(); }, clock)});
  }
  return nodes;
}

}  // namespace

Result<std::unique_ptr<Wiring>> Wiring::create(const Options& options, const Clock& clock) {
  auto wiring = std::make_unique<Wiring>();
  const bool simulated = !options.simulated().empty();
  const auto status =
      find_pods(*wiring, options, simulated ? options.simulated() : std::vector{options.node});
  if (!status) return fail(status.error());
  auto nodes = open_nodes(*wiring, options, clock);
  if (!nodes) return fail(nodes.error());

  Sampler::Timing timing;
  timing.window = std::chrono::seconds(options.interval_seconds);
  timing.recorded = options.once && !options.replay.empty();
  std::unique_ptr<PodMeter> meter;
  if (options.replay.empty() && wiring->directory) {
    meter =
        std::make_unique<PodMeter>(options.node, timing.window,
                                   [root = options.cgroup_root](const std::set<std::string>& uids) {
                                     return read_pod_usage(root, uids);
                                   });
  }
  auto* directory = wiring->directory.get();
  Sampler::Pods pods;
  pods.known = [directory, none = std::make_shared<const KnownPods>()] {
    return directory != nullptr ? directory->known() : none;
  };
  pods.ask_again = [directory] {
    if (directory != nullptr) directory->ask_again();
  };
  // A recording's processes are not this machine's.
  pods.of_process = [here = options.replay.empty(),
                     root = options.proc_root](std::int64_t pid) -> std::string {
    return here ? pod_uid_of_process(root, pid) : "";
  };
  wiring->sampler = std::make_unique<Sampler>(std::move(*nodes), std::move(pods), std::move(meter),
                                              timing, wiring->page, wiring->metrics);
  return wiring;
}

}  // namespace oppen::telemetry
