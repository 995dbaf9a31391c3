#pragma once
// A part of a batch, read in two ways that keep it out of memory as a tree: at a glance when it comes, and
// job by job when the batch is checked. Pure; any thread.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "schemas/error.hpp"
#include "schemas/job.hpp"
#include "schemas/units.hpp"

namespace oppen::core {

struct BatchScan {
  FieldErrors errors;    // of everything but the jobs themselves
  std::string batch_id;  // what can be read, also of an invalid part; "" when it can't
  int part = 1;
  int parts = 1;
  int jobs = 0;
  std::optional<MicroUsd> max_total;
  std::string digest;  // equal for data whose fields and values are equal and in the same order
};

// The jobs are counted, not looked at. Errors: invalid, when it is not JSON.
Result<BatchScan> scan_batch(std::string_view data);

// Calls `take` for each job in order, with what is wrong with it when it is invalid. Returns how many there are. Errors as above.
Result<int> read_jobs(
    std::string_view data,
    const std::function<void(int index, tl::expected<JobSpec, FieldErrors> job)>& take);

}  // namespace oppen::core
