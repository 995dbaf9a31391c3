#pragma once
// The Kubernetes API as the scheduler needs it: launch, read and delete pods of one namespace, and
// watch what decides about launching. KubeApi is the scheduler's own narrow interface; KubeClient
// (kube_client.hpp) is the real one, the fake for unit tests lives in tests/support.
//
// All calls return at once; outcomes and watched changes are delivered on the client's own thread,
// in the API server's order for each object. Don't block in them.
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/plan/amounts.hpp"
#include "schemas/error.hpp"
#include "schemas/job.hpp"
#include "schemas/time.hpp"

namespace oppen::kube {

using plan::Amounts;
using plan::PodLimits;
using plan::Quota;

// What matters of a pod. Times are those of its first container.
struct Pod {
  std::string name;
  std::string uid;
  std::string job_id;       // label oppen.dev/job-id; "" for a pod that is not ours
  int attempt = 0;          // label oppen.dev/attempt
  bool managed = false;     // label app.kubernetes.io/managed-by=oppen
  std::string spec_hash;    // annotation oppen.dev/spec-hash
  std::int64_t epoch = -1;  // annotation oppen.dev/epoch
  std::string node;
  std::string phase;  // Pending Running Succeeded Failed Unknown
  std::string priority_class;
  Amounts requests;                // its effective requests as quota counts them
  bool has_finalizer = false;      // oppen.dev/reported
  bool deleting = false;           // has a deletionTimestamp
  std::optional<Time> delete_by;   // that timestamp: when its grace is over
  std::optional<Time> deleted_at;  // when that was asked for
  Time created_at{};
  std::optional<Time> started_at;
  std::optional<Time> finished_at;
  std::optional<int> exit_code;
  std::string reason;   // pod's status.reason, else the container's terminated or waiting reason
                        // (OOMKilled, Evicted, DeadlineExceeded, ImagePullBackOff, ...);
                        // "Unschedulable" from the PodScheduled condition
  std::string message;  // the text that belongs to the reason
  std::string termination_message;  // what the container wrote to its termination log

  bool terminal() const { return phase == "Succeeded" || phase == "Failed"; }
};

struct Node {
  std::string name;
  bool schedulable = false;  // not cordoned, whether it is Ready or not
  // Since when its condition Ready has been anything but True; cordoned or not.
  std::optional<Time> not_ready_since;
  std::string gpu_product;  // label nvidia.com/gpu.product
  Amounts allocatable;
  bool spot = false;  // label oppen.dev/spot=true
  // Label nvidia.com/gpu.replicas: as how many GPUs each device that is shared by time is offered.
  std::int64_t gpu_replicas = 1;
  bool operator==(const Node&) const = default;
};

enum class LaunchResult {
  launched,     // created now, or found with the same job, attempt and spec hash
  over_quota,   // 403 of a ResourceQuota: wait for a quota or pod change
  rejected,     // never with this spec or these rights (LimitRange, Pod Security, missing
                // PriorityClass, missing right, 422)
  clash,        // a pod of this name exists and is not this attempt's
  unavailable,  // no answer although asked several times: try again later, same attempt
};
struct LaunchOutcome {
  LaunchResult result = LaunchResult::unavailable;
  std::string message;     // the API server's own words; "" when launched
  std::optional<Pod> pod;  // when launched or clash
};

// Told of what is watched. A full list (at start, after 410, after a lost connection) replaces
// everything known.
struct KubeEvents {
  // A full list is about to be asked for: what it says of pods created from now on is not reliable.
  std::function<void()> on_pod_list_begin;
  std::function<void(std::vector<Pod>)> on_pod_list;  // all pods of the namespace, ours and others'
  std::function<void(Pod, bool deleted)> on_pod;
  std::function<void(std::vector<Quota>)> on_quotas;  // always all of them
  std::function<void(PodLimits)> on_limits;
  std::function<void(std::vector<Node>)> on_nodes;  // always all of them, at most once a second
  // A ConfigMap's data; nullopt: there is none. Called for each name asked for, at start and at
  // each change.
  std::function<void(std::string name, std::optional<std::map<std::string, std::string>> data)>
      on_config_map;
  std::function<void(Status)> on_health;  // whether the API server answers; at each change
};

class KubeApi {
 public:
  virtual ~KubeApi() = default;

  // Starts the watches; events may come before it returns.
  virtual void start(KubeEvents events, std::vector<std::string> config_map_names) = 0;

  // Creates the pod (a manifest as JSON text from pod_manifest.hpp). Repeats what is safe to repeat
  // (429, 5xx, quota conflict 409, lost answers by GET) for up to `deadline` in all. See
  // LaunchResult.
  virtual void launch(const std::string& pod_name, std::string manifest_json,
                      std::chrono::milliseconds deadline,
                      std::function<void(LaunchOutcome)> done) = 0;

  // Whether the API server would take this pod, which is not created: ok, or refused for nothing that is the pod's own (quota, limits,
  // rights). Errors: invalid, in the API server's words, which name the field; unavailable: no answer within `deadline`.
  virtual void check(std::string manifest_json, std::chrono::milliseconds deadline,
                     std::function<void(Status)> done) = 0;

  // The attempt has ended while its launch was on its way: that creates nothing from now on.
  virtual void abandon(const std::string& pod_name) = 0;

  // Deletes by name with a UID precondition. ok too when it is gone or another pod has the name by
  // now.
  virtual void remove(const std::string& pod_name, const std::string& uid,
                      std::chrono::seconds grace, std::function<void(Status)> done) = 0;

  // Removes the finalizer oppen.dev/reported. ok too when the pod is gone.
  virtual void release(const std::string& pod_name, const std::string& uid,
                       std::function<void(Status)> done) = 0;
};

}  // namespace oppen::kube
