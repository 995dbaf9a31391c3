#pragma once
// What a pod's end means for its attempt. Pure; any thread.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "scheduler/kube/kube_api.hpp"
#include "schemas/job.hpp"

namespace oppen::core {

// Whether the attempt is over: terminal, or deleted before it ever reached a node (nobody else will
// finish it).
bool has_ended(const kube::Pod& pod);

struct PodEnd {
  bool succeeded = false;
  FailureClass failure = FailureClass::lost;  // when not succeeded
  std::optional<int> exit_code;
  std::string message;
};

// `pod` nullptr: it vanished without a trace.
PodEnd explain_end(const kube::Pod* pod);

// The JSON object that the container wrote to its termination log, as far as it is numbers, text and lists of these; null when
// it wrote none.
nlohmann::json reported_metrics(const kube::Pod& pod);

}  // namespace oppen::core
