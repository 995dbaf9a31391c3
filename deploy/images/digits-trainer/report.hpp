// What a run leaves behind: the JSON object that becomes the job's metrics.
#pragma once

#include <string>

#include "deploy/images/digits-trainer/trainer.hpp"

namespace oppen::digits_trainer {

// Kubernetes keeps this much of a termination log, in bytes.
constexpr std::size_t termination_log_limit = 4096;

// `accuracy` and `loss` of the last completed epoch (absent before the first), `epochs` completed,
// `epoch_seconds` of each (of the last 256 only, so that the text stays below
// termination_log_limit), `samples_per_second`; of requests how many were answered, the share of
// right answers, how many a second and their latency; what the process has used. Ends in a newline.
std::string metrics_json(const Outcome& outcome);

}  // namespace oppen::digits_trainer
