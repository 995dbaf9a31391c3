#pragma once
// The log of job-events, folded to the last step of each job, against the records in Redis. One thread.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "producers/client/kafka.hpp"
#include "scheduler/core/compare.hpp"
#include "scheduler/core/redis_look.hpp"
#include "schemas/time.hpp"

namespace oppen::core {

// The last step of a job in the log.
struct Logged {
  std::int64_t seq = 0;
  JobState state = JobState::queued;
  Time at{};
};

// Takes a step of a job's life when it is later than what is known of it; the job's id, or "" for an event that is none. Pure.
std::string fold(const client::ConsumedRecord& record,
                 std::unordered_map<std::string, Logged>& jobs);

// `header`: of its record in Redis, "" for none. Some steps are written before their event, or without one. Pure.
void check_logged(const std::string& job_id, const Logged& logged, const std::string& header,
                  Time now, std::vector<Drift>& drifts);

struct LogComparison {
  std::int64_t events = 0;
  std::int64_t jobs = 0;
  bool whole = true;  // nothing of the log has grown too old to be kept
};
// Goes through the whole log, one partition's jobs in memory at a time, and then through queue and live attempts: what is open in Redis
// must be open in the log. Errors: unavailable.
Result<LogComparison> compare_log(client::Consumer& consumer, RedisLook& redis, Time now,
                                  std::vector<Drift>& drifts);

}  // namespace oppen::core
