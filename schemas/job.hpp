#pragma once
// A job as it is submitted (JobSpec) and as every job event describes it. Plain values.
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/error.hpp"
#include "schemas/units.hpp"

namespace oppen {

enum class Priority { urgent, normal, background };
// Their PriorityClass values: 1000, 100, 10.
int priority_value(Priority priority);
std::string_view to_string(Priority priority);
std::optional<Priority> parse_priority(std::string_view text);
inline constexpr Priority all_priorities[] = {Priority::urgent, Priority::normal,
                                              Priority::background};

enum class JobState {
  queued,
  launching,
  running,
  cancelling,
  succeeded,
  failed,
  cancelled,
  rejected
};
std::string_view to_string(JobState state);
std::optional<JobState> parse_job_state(std::string_view text);
// succeeded, failed, cancelled, rejected: nothing follows them.
bool is_terminal(JobState state);

enum class FailureClass { user_error, oom, node, lost, preempted, deadline, launch, dependency };
std::string_view to_string(FailureClass failure);
std::optional<FailureClass> parse_failure_class(std::string_view text);

struct Resources {
  int gpus = 1;                     // whole devices; 0 for a CPU-only job
  std::optional<double> gpu_share;  // (0,1]: a part of one device, instead of gpus
  std::string gpu_type;             // "" : any
  std::int64_t cpu_millicores = 0;  // JSON "cpu", quantity text
  std::int64_t memory_bytes = 0;    // JSON "memory", quantity text

  bool operator==(const Resources&) const = default;
};

// The data of job.submit. As submitted, what is absent is absent (resources, image, ... are filled
// from the model catalogue by the scheduler); as resolved in job.queued's `spec`, everything that
// the launch needs is there.
struct JobSpec {
  std::string job_id;  // DNS-1123 label, at most 50 characters
  std::string name;
  std::string model_type;
  std::string workload_type = "training";  // training | inference | batch
  std::optional<Priority> priority;
  std::optional<int> epochs;
  std::optional<int> batch_size;
  struct ResourceRequest {
    std::optional<int> gpus;
    std::optional<double> gpu_share;
    std::string gpu_type;
    std::optional<std::int64_t> cpu_millicores;
    std::optional<std::int64_t> memory_bytes;
    bool operator==(const ResourceRequest&) const = default;
  } resources;
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::map<std::string, std::string> env;
  std::vector<std::string> secrets;
  std::string team;
  std::string project;
  std::string user;
  std::map<std::string, std::string> labels;
  bool spot = false;
  std::string window = "any";  // any | off_peak
  std::optional<std::int64_t> max_runtime_seconds;
  std::optional<int> max_retries;
  std::vector<std::string> after;
  std::optional<bool> preemptible;

  bool operator==(const JobSpec&) const = default;
};

// Equal specs, equal text: JSON without what is absent, keys in order.
std::string canonical_text(const JobSpec& spec);
// SHA-256 (hex, first 16 characters) of the spec's canonical text: equal specs, equal hash. Goes on
// the pod as annotation oppen.dev/spec-hash and tells a repeated submission from a conflicting one.
std::string spec_hash(const JobSpec& spec);
// The same of any text.
std::string short_digest(std::string_view text);

// A fresh job id: "<model_type>-<time>-<random>", a DNS-1123 label of at most 50 characters.
std::string make_job_id(std::string_view model_type);

}  // namespace oppen
