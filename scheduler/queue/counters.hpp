#pragma once
// Sums over the records, kept by the scripts. Plain values; arrays are indexed by
// static_cast<size_t>(Priority).
#include <cstdint>
#include <map>

#include "scheduler/plan/amounts.hpp"
#include "schemas/job.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::queue {

struct Counters {
  std::int64_t queued[3] = {};
  MicroUsd pending_cost[3] = {};
  double pending_seconds[3] = {};
  plan::Amounts usage[3] = {};  // of live attempts; usage.pods is the number of slots they take
  std::map<std::string, MicroUsd>
      committed;  // what live attempts are estimated at, by pair_of (header.hpp)
  std::map<std::string, MicroUsd> reserved;  // the same of waiting jobs for which room is kept
  std::map<JobState, std::int64_t> jobs;     // by state other than queued
  std::map<JobState, std::int64_t> jobs_by_priority[3];

  std::int64_t queued_total() const { return queued[0] + queued[1] + queued[2]; }
  plan::Amounts usage_total() const;
};

// From the flat field-value array of HGETALL.
Counters parse_counters(const runtime::RedisReply& flat);
// The same of `unseen` (lib.lua).
std::vector<std::pair<std::string, MicroUsd>> parse_unseen(const runtime::RedisReply& flat);

}  // namespace oppen::queue
