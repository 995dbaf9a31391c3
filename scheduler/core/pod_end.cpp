#include "scheduler/core/pod_end.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "schemas/text.hpp"

namespace oppen::core {
namespace {

// Kubernetes writes at most 4096 bytes of a termination log.
constexpr std::size_t max_metrics_bytes = 4096;

constexpr std::size_t max_message_bytes = 2'000;

// What every reader of our events takes: a container can write anything.
bool is_plain(const nlohmann::json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().find('\0') == std::string::npos;
  return value.is_number() || value.is_boolean();
}
bool is_list_of_plain(const nlohmann::json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), is_plain);
}
std::string presentable(std::string text) {
  std::erase(text, '\0');
  return shortened(text, max_message_bytes);
}

bool is_one_of(const std::string& reason, std::initializer_list<const char*> reasons) {
  return std::find(reasons.begin(), reasons.end(), reason) != reasons.end();
}

FailureClass class_of(const kube::Pod& pod) {
  if (pod.reason == "OOMKilled") return FailureClass::oom;
  if (pod.reason == "DeadlineExceeded") return FailureClass::deadline;
  if (is_one_of(pod.reason, {"Preempting", "Preempted", "PreemptionByScheduler"}))
    return FailureClass::preempted;
  if (is_one_of(pod.reason, {"NodeLost", "NodeShutdown", "Terminated", "Shutdown", "Evicted",
                             "DeletionByTaintManager", "EvictionByEvictionAPI",
                             "TerminationByKubelet", "DeletionByPodGC"})) {
    return FailureClass::node;
  }
  // Deleted by somebody while it ran: whatever its exit code, it is not the program's fault.
  const bool ended_before = pod.finished_at && pod.deleted_at && *pod.finished_at < *pod.deleted_at;
  if (pod.deleting && !ended_before) return FailureClass::lost;
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
  // Metrics in the termination log explain nothing.
  const bool explained = !pod->message.empty() && !(pod->message == pod->termination_message &&
                                                    reported_metrics(*pod).is_object());
  if (end.failure == FailureClass::lost) {
    end.message = "the pod was deleted while it ran";
  } else if (explained) {
    end.message = pod->reason.empty() ? pod->message : pod->reason + ": " + pod->message;
  } else if (pod->exit_code) {
    end.message =
        fmt::format("the container ended with exit code {}{}", *pod->exit_code,
                    pod->reason.empty() || pod->reason == "Error" ? "" : " (" + pod->reason + ")");
  } else {
    end.message = pod->reason.empty() ? "the pod failed" : pod->reason;
  }
  end.message = presentable(std::move(end.message));
  return end;
}

nlohmann::json reported_metrics(const kube::Pod& pod) {
  if (pod.termination_message.empty() || pod.termination_message.size() > max_metrics_bytes)
    return {};
  const auto reported = nlohmann::json::parse(pod.termination_message, nullptr, false);
  if (!reported.is_object()) return {};
  auto metrics = nlohmann::json::object();
  for (const auto& [name, value] : reported.items()) {
    if (is_plain(nlohmann::json(name)) && (is_plain(value) || is_list_of_plain(value)))
      metrics[name] = value;
  }
  return metrics;
}

}  // namespace oppen::core
