#pragma once
// What producers ask for on the topic `jobs`. Plain values; see schemas/parse.hpp to read and write
// them.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/job.hpp"

namespace oppen {

struct JobSubmit {
  static constexpr std::string_view type = "dev.oppen.job.submit.v1";
  JobSpec spec;
};

struct BatchSubmit {
  static constexpr std::string_view type = "dev.oppen.batch.submit.v1";
  std::string batch_id;
  std::vector<JobSpec> jobs;          // of this part
  std::optional<MicroUsd> max_total;  // JSON max_total_microusd
  int part = 1;                       // from 1
  int parts = 1;
};

struct JobCancel {
  static constexpr std::string_view type = "dev.oppen.job.cancel.v1";
  std::string job_id;  // exactly one of job_id and batch_id is not empty
  std::string batch_id;
  std::string requested_by;
  std::string reason;
};

// Only what is given changes. Queued jobs only.
struct JobAmend {
  static constexpr std::string_view type = "dev.oppen.job.amend.v1";
  std::string job_id;
  struct Changes {
    std::optional<Priority> priority;
    std::optional<std::string> window;
    std::optional<int> batch_size;
    std::optional<bool> spot;
    std::optional<std::string> gpu_type;
  } changes;
  std::string requested_by;
};

}  // namespace oppen
