#pragma once
// Reads the data of a batch.submit job by job, so that never more than one of its thousands of jobs is
// in memory parsed. Pure; any thread.
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "schemas/error.hpp"
#include "schemas/job.hpp"
#include "schemas/units.hpp"

namespace oppen::core {

struct BatchScan {
  // With paths as "jobs[3].epochs"; empty: the part is valid. Of very many the first, and `more_errors`.
  FieldErrors errors;
  std::size_t more_errors = 0;
  std::string batch_id;  // what can be read of the rest, also of an invalid part; "" when it can't
  int part = 1;
  int parts = 1;
  int jobs = 0;
  std::optional<MicroUsd> max_total;
  // Not made for `take`:
  std::string digest;         // equal for equal data, however it is written as JSON
  std::vector<JobSpec> kept;  // all jobs of a valid batch of one part, when they are few
};

// `take(index, job)` is called for each valid job, in order. Errors: invalid, when it is not JSON.
Result<BatchScan> scan_batch(std::string_view data,
                             const std::function<void(int index, JobSpec job)>& take = nullptr);

}  // namespace oppen::core
