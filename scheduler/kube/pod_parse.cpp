#include "scheduler/kube/pod_parse.hpp"

#include <algorithm>
#include <charconv>

#include "scheduler/kube/json_read.hpp"
#include "scheduler/kube/names.hpp"

namespace oppen::kube {
namespace {

// The API server writes canonical quantities, but also accepts a bare JSON number.
std::string quantity_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number() ? value.dump() : "";
}

void raise_to(Amounts& least, const Amounts& amounts) {
  least.gpus = std::max(least.gpus, amounts.gpus);
  least.cpu_millicores = std::max(least.cpu_millicores, amounts.cpu_millicores);
  least.memory_bytes = std::max(least.memory_bytes, amounts.memory_bytes);
}

Amounts requests_of(const Json& holder) {
  return parse_amounts(member(member(holder, "resources"), "requests"));
}

// As Kubernetes computes it: the containers together, or the most that any step of initialisation
// takes, sidecars (init containers that keep running) counted in both.
Amounts effective_requests(const Json& spec) {
  Amounts sidecars;
  Amounts initialising;
  for (const Json& container : elements(spec, "initContainers")) {
    Amounts step = requests_of(container);
    if (text(container, "restartPolicy") == "Always") {
      sidecars += step;
      raise_to(initialising, sidecars);
    } else {
      step += sidecars;
      raise_to(initialising, step);
    }
  }
  Amounts total = sidecars;
  for (const Json& container : elements(spec, "containers")) total += requests_of(container);
  raise_to(total, initialising);

  const Json& for_the_pod = member(member(spec, "resources"), "requests");
  const Amounts stated = parse_amounts(for_the_pod);
  if (for_the_pod.contains("cpu")) total.cpu_millicores = stated.cpu_millicores;
  if (for_the_pod.contains("memory")) total.memory_bytes = stated.memory_bytes;

  total += parse_amounts(member(spec, "overhead"));
  total.pods = 1;
  return total;
}

std::optional<Time> time_of(const Json& object, const char* key) {
  const auto parsed = parse_rfc3339(text(object, key));
  // A container that never began is reported with the zero of time.
  if (!parsed || *parsed <= Time{}) return std::nullopt;
  return *parsed;
}

int attempt_of(const std::string& label) {
  int attempt = 0;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), attempt);
  return error == std::errc{} && end == label.data() + label.size() ? attempt : 0;
}

std::int64_t epoch_of(const std::string& annotation) {
  std::int64_t epoch = -1;
  const auto [end, error] =
      std::from_chars(annotation.data(), annotation.data() + annotation.size(), epoch);
  return error == std::errc{} && end == annotation.data() + annotation.size() ? epoch : -1;
}

// The training container's status, else that of the first container of the spec. Statuses are in an
// order of their own.
const Json& main_status(const Json& spec, const Json& status) {
  static const Json nothing;
  const Json& containers = elements(spec, "containers");
  const std::string first = containers.empty() ? "" : text(containers[0], "name");
  const Json* found = &nothing;
  for (const Json& container : elements(status, "containerStatuses")) {
    const std::string name = text(container, "name");
    if (name == names::container) return container;
    if (name == first) found = &container;
  }
  return *found;
}

const Json& condition(const Json& status, const char* type, const char* value) {
  static const Json nothing;
  for (const Json& one : elements(status, "conditions")) {
    if (text(one, "type") == type && text(one, "status") == value) return one;
  }
  return nothing;
}

// Takes `holder`'s reason and message when it has a reason.
bool take_reason(Pod& pod, const Json& holder) {
  std::string reason = text(holder, "reason");
  if (reason.empty()) return false;
  pod.reason = std::move(reason);
  pod.message = text(holder, "message");
  return true;
}

// While the pod initialises, the reason is the init container's that waits or has failed.
bool take_init_reason(Pod& pod, const Json& status) {
  for (const Json& container : elements(status, "initContainerStatuses")) {
    const Json& state = member(container, "state");
    const Json& waiting = member(state, "waiting");
    if (text(waiting, "reason") != "PodInitializing" && take_reason(pod, waiting)) return true;
    const Json& terminated = member(state, "terminated");
    if (whole_number(terminated, "exitCode").value_or(0) != 0 && take_reason(pod, terminated))
      return true;
  }
  return false;
}

void read_reason(Pod& pod, const Json& status, const Json& state) {
  const Json& terminated = member(state, "terminated");
  const Json& waiting = member(state, "waiting");
  if (take_reason(pod, status)) return;
  // Why Kubernetes itself ended or is ending the pod (preempted, drained, its node gone).
  if (take_reason(pod, condition(status, "DisruptionTarget", "True"))) return;
  if (take_reason(pod, terminated)) return;
  if (take_init_reason(pod, status)) return;
  if (take_reason(pod, waiting)) return;
  if (pod.node.empty()) take_reason(pod, condition(status, "PodScheduled", "False"));
}

}  // namespace

Amounts parse_amounts(const Json& resource_list) {
  Amounts amounts;
  amounts.gpus = parse_bytes(quantity_text(member(resource_list, names::gpu))).value_or(0);
  amounts.cpu_millicores =
      parse_millicores(quantity_text(member(resource_list, "cpu"))).value_or(0);
  amounts.memory_bytes = parse_bytes(quantity_text(member(resource_list, "memory"))).value_or(0);
  return amounts;
}

Pod parse_pod(const Json& object) {
  const Json& metadata = member(object, "metadata");
  const Json& labels = member(metadata, "labels");
  const Json& annotations = member(metadata, "annotations");
  const Json& spec = member(object, "spec");
  const Json& status = member(object, "status");

  Pod pod;
  pod.name = text(metadata, "name");
  pod.uid = text(metadata, "uid");
  pod.job_id = text(labels, names::job_id);
  pod.attempt = attempt_of(text(labels, names::attempt));
  pod.managed = text(labels, names::managed_by) == names::managed_by_us;
  pod.spec_hash = text(annotations, names::spec_hash);
  pod.epoch = epoch_of(text(annotations, names::epoch));
  pod.node = text(spec, "nodeName");
  pod.phase = text(status, "phase");
  pod.priority_class = text(spec, "priorityClassName");
  pod.requests = effective_requests(spec);
  pod.deleting = member(metadata, "deletionTimestamp").is_string();
  pod.delete_by = time_of(metadata, "deletionTimestamp");
  if (pod.delete_by) {
    const auto grace = whole_number(metadata, "deletionGracePeriodSeconds").value_or(0);
    pod.deleted_at = *pod.delete_by - std::chrono::seconds(grace);
  }
  for (const Json& finalizer : elements(metadata, "finalizers")) {
    if (finalizer == names::finalizer) pod.has_finalizer = true;
  }
  pod.created_at = time_of(metadata, "creationTimestamp").value_or(Time{});

  const Json& container = main_status(spec, status);
  const Json& state = member(container, "state");
  const Json& terminated = member(state, "terminated");
  pod.started_at =
      time_of(terminated.is_object() ? terminated : member(state, "running"), "startedAt");
  pod.finished_at = time_of(terminated, "finishedAt");
  if (const auto code = whole_number(terminated, "exitCode"))
    pod.exit_code = static_cast<int>(*code);
  pod.termination_message = text(terminated, "message");
  read_reason(pod, status, state);
  return pod;
}

}  // namespace oppen::kube
