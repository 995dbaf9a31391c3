// How long a job will probably run, from what is known before it does.
#include <algorithm>

#include "scheduler/plan/policy.hpp"

namespace oppen::plan {
namespace {

constexpr double prior_batch_size = 64;  // at which the catalogue states seconds per epoch

}  // namespace

double estimate_duration_seconds(const JobSpec& resolved, const Policy& policy) {
  const auto known = policy.model_catalog.find(resolved.model_type);
  const double seconds_per_epoch = known == policy.model_catalog.end()
                                       ? ModelEntry{}.seconds_per_epoch
                                       : known->second.seconds_per_epoch;
  const double epochs = resolved.epochs.value_or(policy.default_epochs);
  const double batch_size = std::max(1, resolved.batch_size.value_or(policy.default_batch_size));
  const double seconds = epochs * seconds_per_epoch * prior_batch_size / batch_size;
  const auto limit = resolved.max_runtime_seconds.value_or(policy.default_max_runtime_seconds);
  return std::min(seconds, static_cast<double>(limit));
}

}  // namespace oppen::plan
