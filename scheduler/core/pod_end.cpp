#include "scheduler/core/pod_end.hpp"

#include <fmt/format.h>

namespace oppen::core {
namespace {

// Kubernetes writes at most 4096 bytes of a termination log.
constexpr std::size_t max_metrics_bytes = 4096;

FailureClass class_of(const kube::Pod& pod) {
  if (pod.reason == "OOMKilled") return FailureClass::oom;
  if (pod.reason == "DeadlineExceeded") return FailureClass::deadline;
  if (pod.reason == "Preempting" || pod.reason == "Preempted") return FailureClass::preempted;
  if (pod.reason == "NodeLost" || pod.reason == "NodeShutdown" || pod.reason == "Terminated" ||
      pod.reason == "Shutdown" || pod.reason == "Evicted") {
    return FailureClass::node;
  }
  // Deleted by somebody while it ran: whatever its exit code, it is not the program's fault.
  if (pod.deleting) return FailureClass::lost;
  if (pod.exit_code) return FailureClass::user_error;
  return pod.started_at ? FailureClass::lost : FailureClass::launch;
}

}  // namespace

bool has_ended(const kube::Pod& pod) {
  return pod.terminal() || (pod.deleting && pod.node.empty());
}

PodEnd explain_end(const kube::Pod* pod) {
  if (!pod) return {false, FailureClass::lost, std::nullopt, "the pod is gone and left no end"};
  PodEnd end;
  end.succeeded = pod->phase == "Succeeded";
  end.exit_code = pod->exit_code;
  if (end.succeeded) return end;
  end.failure = class_of(*pod);
  if (end.failure == FailureClass::lost) {
    end.message = "the pod was deleted while it ran";
  } else if (!pod->message.empty()) {
    end.message = pod->reason.empty() ? pod->message : pod->reason + ": " + pod->message;
  } else if (pod->exit_code) {
    end.message =
        fmt::format("the container ended with exit code {}{}", *pod->exit_code,
                    pod->reason.empty() || pod->reason == "Error" ? "" : " (" + pod->reason + ")");
  } else {
    end.message = pod->reason.empty() ? "the pod failed" : pod->reason;
  }
  return end;
}

nlohmann::json reported_metrics(const kube::Pod& pod) {
  if (pod.termination_message.empty() || pod.termination_message.size() > max_metrics_bytes)
    return {};
  auto metrics = nlohmann::json::parse(pod.termination_message, nullptr, false);
  return metrics.is_object() ? metrics : nlohmann::json();
}

}  // namespace oppen::core
