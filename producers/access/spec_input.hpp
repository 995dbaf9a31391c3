#pragma once
// From what a user gives (flags, JSON) to checked job specs. Pure functions, any thread.
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "schemas/commands.hpp"
#include "schemas/error.hpp"

namespace oppen::access {

// A spec as far as flags say it. What was not given stays as it is.
struct SpecFlags {
  std::map<std::string, std::string> texts;  // by field: "job_id", "priority", "resources.cpu", ...
  std::map<std::string, double> numbers;     // "epochs", "resources.gpu_share", ...
  std::map<std::string, bool> switches;      // "spot", "preemptible"
  std::map<std::string, std::vector<std::string>> lists;  // "command", "args", "secrets", "after"
  std::vector<std::string> env;                           // KEY=VALUE
  std::vector<std::string> labels;                        // KEY=VALUE
};

// `base` (an object) with the flags over it. Faults: an env or label without '='.
tl::expected<nlohmann::json, FieldErrors> with_flags(nlohmann::json base, const SpecFlags& flags);

// Checks it as the scheduler will, and for fields that there are not; makes an id where there is
// none.
tl::expected<JobSubmit, FieldErrors> checked_job(nlohmann::json spec);

// The id of a job that repeats this one: "<job_id>-retry-1", of "<job_id>-retry-1" "<job_id>-retry-2".
// At most as long as an id may be: a long one is cut before the ending.
std::string retry_id(const std::string& job_id);

struct BatchOptions {
  std::string batch_id;               // "": the file's, else a fresh one
  std::optional<MicroUsd> max_total;  // over the file's
};

// A JSON array of specs, an object {"batch_id"?,"jobs":[...],"max_total_microusd"?}, or one spec a
// line (JSON lines). Jobs without an id get "<batch_id>-<place>". All faults of all jobs at once,
// by "jobs[<index>].<field>".
tl::expected<BatchSubmit, FieldErrors> checked_batch(const std::string& text,
                                                     const BatchOptions& options);

}  // namespace oppen::access
