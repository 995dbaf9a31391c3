#include "producers/telemetry/options.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <string_view>

#include "workers/runtime/settings.hpp"

namespace oppen::telemetry {
namespace {

constexpr auto purpose =
    R"(Samples the GPUs of this node, finds the pods and jobs that hold them, and publishes it.

  oppen-telemetry --once                          what there is on this machine, as a table
  oppen-telemetry --once -o json                  the same as the events would be
  oppen-telemetry --once --replay recording.jsonl the same of a recording
  oppen-telemetry                                 the agent: one on each GPU node, as a DaemonSet

Samples go to the topic "telemetry": gpu.sample of each GPU, pod.sample of each job's pod on the node. While Kafka is away
they wait on disk. The GPUs' metrics nvidia_smi_* are served at /metrics. KUBECONFIG or the pod's service account says where
Kubernetes is, which is asked for the pods of OPPEN_NAMESPACE on this node; without it samples name no jobs.
)";

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "";
  return name.data();
}

// Settings take flags with values only.
std::vector<const char*> spelled_out(int argc, const char* const* argv) {
  std::vector<const char*> result;
  for (int i = 0; i < argc; ++i) {
    const std::string_view argument = argv[i];
    result.push_back(argument == "-o" ? "--output" : argv[i]);
    if (argument != "--once") continue;
    const std::string_view next = i + 1 < argc ? argv[i + 1] : "";
    if (next != "true" && next != "false") result.push_back("true");
  }
  return result;
}

}  // namespace

std::vector<std::string> Options::simulated() const {
  std::vector<std::string> names;
  std::string_view left = simulated_nodes;
  while (!left.empty()) {
    const auto end = left.find(',');
    if (end != 0) names.emplace_back(left.substr(0, end));
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
  }
  return names;
}

std::optional<int> Options::parse(int argc, const char* const* argv) {
  node = host_name();
  runtime::Settings settings("oppen-telemetry", purpose);
  worker.declare(settings, "127.0.0.1:8084");
  settings.add(once, {.name = "once", .help = "Print what is sampled now, and leave."});
  settings.add(output,
               {.name = "output", .help = "-o: how --once prints it.", .one_of = {"text", "json"}});
  settings.add(node, {.name = "node", .help = "The Kubernetes name of this node."});
  settings.add(source,
               {.name = "source",
                .help = "Where readings come from. auto: the first of NVML, the DCGM exporter "
                        "and nvidia-smi that tells a GPU's utilisation.",
                .one_of = {"auto", "nvml", "dcgm", "nvidia-smi", "replay"}});
  settings.add(dcgm_url,
               {.name = "dcgm-url", .help = "The DCGM exporter of this node.", .unit = "URL"});
  settings.add(replay,
               {.name = "replay",
                .help = "Play these recorded readings, one line a second, instead of reading "
                        "GPUs. The agent ends with them.",
                .unit = "FILE"});
  settings.add(simulated_nodes,
               {.name = "simulated-nodes",
                .help = "Play the recorded loads of --replay on the GPUs that these nodes claim to "
                        "have, for the pods that run there.",
                .unit = "NAME[,NAME...]"});
  settings.add(interval_seconds, {.name = "interval",
                                  .help = "How much time a sample tells of.",
                                  .unit = "seconds",
                                  .min = 1,
                                  .max = 3600});
  settings.add(buffer_dir,
               {.name = "buffer-dir",
                .help = "Where samples wait for Kafka. Of this agent alone; keep it over restarts.",
                .unit = "FOLDER"});
  settings.add(buffer_mb, {.name = "buffer-mb",
                           .help = "How much may wait; then the oldest are dropped, and counted.",
                           .unit = "megabytes",
                           .min = 1,
                           .max = 1'000'000});
  settings.add(proc_root, {.name = "proc-root",
                           .help = "Where the host's processes are to be seen.",
                           .unit = "FOLDER"});
  settings.add(cgroup_root, {.name = "cgroup-root",
                             .help = "Where the host's control groups are to be seen.",
                             .unit = "FOLDER"});
  const auto arguments = spelled_out(argc, argv);
  if (const auto exit_code = settings.parse(static_cast<int>(arguments.size()), arguments.data())) {
    return exit_code;
  }
  const char* problem = nullptr;
  if (source == "replay" && replay.empty()) problem = "--source replay needs --replay FILE";
  if (!replay.empty() && source != "replay" && source != "auto")
    problem = "--replay goes with --source replay or auto alone";
  if (dcgm_url.find('@') != std::string::npos)
    problem =
        "--dcgm-url is an address with '@' in it: expected http://HOST[:PORT][/PATH] without user "
        "and password";
  if (!simulated().empty() && replay.empty()) problem = "--simulated-nodes needs --replay FILE";
  if (node.empty()) problem = "--node is empty: expected the Kubernetes name of this node";
  if (problem != nullptr) {
    std::fprintf(stderr, "oppen-telemetry: %s\n", problem);
    return 2;
  }
  described = settings.describe();
  return std::nullopt;
}

}  // namespace oppen::telemetry
