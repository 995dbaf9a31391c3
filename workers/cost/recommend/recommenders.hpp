#pragma once
// The nine recommenders, each in a file of its own. Pure, any thread. nullopt: it has nothing to say of this run.
// docs/recommendations.md says from what each is computed.
#include <optional>

#include "workers/cost/recommend/advice.hpp"
#include "workers/cost/recommend/subject.hpp"

namespace oppen::cost {

std::optional<Advice> advise_batch_size(const Subject& subject);
std::optional<Advice> advise_training_efficiency(const Subject& subject);
std::optional<Advice> advise_off_peak(const Subject& subject);
std::optional<Advice> advise_spot(const Subject& subject);
std::optional<Advice> advise_early_stopping(const Subject& subject);
std::optional<Advice> advise_gpu_type(const Subject& subject);
std::optional<Advice> advise_quantization(const Subject& subject);
std::optional<Advice> advise_gpu_sharing(const Subject& subject);
std::optional<Advice> advise_right_size(const Subject& subject);

}  // namespace oppen::cost
