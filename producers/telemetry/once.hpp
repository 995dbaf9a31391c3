#pragma once
// --once: what is sampled now, for a person or as JSON.
#include <string>

#include "producers/telemetry/sampler.hpp"
#include "schemas/error.hpp"

namespace oppen::telemetry {

// Looks twice, a second apart (a recording: as long as it says), since some values need two looks. Errors: the source's.
Result<Samples> sample_once(Sampler& sampler, const Clock& clock, bool recorded);

// {"gpu_samples":[...],"pod_samples":[...]}, each as its event's data.
std::string to_json(const Samples& samples);
// A table of the GPUs, and one of the pods where there are any.
std::string to_table(const Samples& samples);

}  // namespace oppen::telemetry
