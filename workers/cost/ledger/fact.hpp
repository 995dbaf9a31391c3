#pragma once
// What a job event says about the cost of an attempt. Pure, any thread.
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "schemas/cloud_event.hpp"
#include "schemas/error.hpp"
#include "schemas/time.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::cost {

// What an attempt pays for, and whom its cost is told of.
struct Bearer {
  pricing::Usage usage;
  std::string pod;
  std::string pod_namespace;
  std::string model_type;
  std::string workload_type;
  std::string team;
  std::string project;
  std::string node = {};  // "": not known
};

// What an event says of a run besides.
struct Told {
  std::string name;
  std::string user;
  std::string state;  // of the job
  bool over = false;  // nothing follows this state
  int epochs = 0;
  int batch_size = 0;
  nlohmann::json metrics = nlohmann::json::object();
};

struct Fact {
  std::string job_id;
  int attempt = 0;
  std::int64_t seq = 0;
  std::optional<Time> started_at;
  // Of an event that ends the attempt. Without started_at nothing had begun, or the attempt had ended before: no more is known
  // than that it is over by then. Neither: it tells of the run alone.
  std::optional<Time> ended_at;
  Bearer bearer;
  std::optional<Told> told = {};  // none: of the event no more could be read
};

// As old as a time may be that is told.
inline constexpr std::chrono::days longest_ago{90};  // as long as `costs` is kept

// In a sentence: what is no DNS label of at most 63 characters. So it is no run_key of a run from outside.
Status is_job_id(const std::string& job_id);

// In sentences: times that can't be, as read_fact judges them.
Status plausible(const Fact& fact, Time recorded_at);

// nullopt: the event says nothing of cost. `recorded_at`: the record's timestamp, by which times are judged. Invalid, in
// sentences: what the schema refuses, a job_id that is none, an end without a time, and times that can't be: ahead of the record by more than
// clocks differ, or so long ago that nothing is known of it any more.
Result<std::optional<Fact>> read_fact(const CloudEvent& event, Time recorded_at);

// What an end that read_fact refuses still tells, as far as it names its attempt: that this is over by `recorded_at`.
std::optional<Fact> over_fact(const CloudEvent& event, Time recorded_at);

}  // namespace oppen::cost
