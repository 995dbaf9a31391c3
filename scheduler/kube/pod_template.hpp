#pragma once
// A model type's pod template: a piece of a pod's spec that the operator owns (volumes, shared
// memory, tolerations, pull secrets, ...). Pure, any thread.
//
// Its "containers" may hold one named "train", which is merged into ours; others are kept beside
// it. "volumeMounts" at the top is the training container's, for brevity. Objects are merged, lists
// are appended to (the template's entries first), and in what remains the job's own values win;
// security defaults yield to the template's.
#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "schemas/error.hpp"

namespace oppen::kube {

// Whether `template_json` ("" for none) can be applied. Errors: invalid, saying what is wrong with
// it.
Status check_pod_template(std::string_view template_json);

// The pod's spec. A template that check_pod_template refuses counts as none.
nlohmann::json apply_pod_template(std::string_view template_json, const nlohmann::json& pod_spec,
                                  const nlohmann::json& container);

// How long a pod of this template ("" for none) may take to stop once it is told to: its own terminationGracePeriodSeconds, or what
// Kubernetes gives it.
std::chrono::seconds termination_grace(std::string_view template_json);

}  // namespace oppen::kube
