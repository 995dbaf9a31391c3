#pragma once
// What the kernel's control groups tell: which pod a process belongs to, and what a pod uses. cgroup v1 and v2, kubelets with the
// cgroupfs and the systemd driver, containerd and CRI-O.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace oppen::telemetry {

// The uid of the pod that a cgroup path, or the text of /proc/PID/cgroup, belongs to: "kubepods/burstable/pod<uid>/...",
// "kubepods-burstable-pod<uid with _>.slice/cri-containerd-....scope" and their like. "" where it is no pod's. Pure.
std::string pod_uid_in(std::string_view text);

// The same of a process that runs now, by `proc_root`/PID/cgroup; "" also where there is no such process.
std::string pod_uid_of_process(const std::string& proc_root, std::int64_t pid);

struct PodUsage {
  double cpu_seconds = 0;  // since the pod began
  std::int64_t memory_bytes =
      0;  // without what the kernel can drop at once: the working set, as Kubernetes counts it
};

// What these pods (by uid) use now; a pod whose files can't be read is left out. `cgroup_root`: "/sys/fs/cgroup".
std::map<std::string, PodUsage> read_pod_usage(const std::string& cgroup_root,
                                               const std::set<std::string>& uids);

}  // namespace oppen::telemetry
