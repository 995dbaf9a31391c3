#pragma once
// A job as the API shows it. Pure functions, any thread.
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "scheduler/queue/record.hpp"

namespace oppen::console {

// One line of a list. `position` only while queued.
nlohmann::json job_summary(const queue::JobRecord& record, std::optional<std::int64_t> position);

// Everything the record holds: the summary, the resolved spec, pod, node, times, failure, metrics.
nlohmann::json job_detail(const queue::JobRecord& record, std::optional<std::int64_t> position,
                          const std::string& pod_namespace);

// {"gpus","gpu_share"?,"gpu_type"?,"cpu","memory"}
nlohmann::json resources_json(const Resources& resources);

}  // namespace oppen::console
