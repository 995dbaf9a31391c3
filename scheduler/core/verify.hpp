#pragma once
// oppen-scheduler --verify: compares, once, the log, Redis, the pods and the quotas, whoever leads, and changes nothing. One thread.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "producers/client/kafka.hpp"
#include "scheduler/core/drift.hpp"
#include "scheduler/kube/survey.hpp"
#include "schemas/time.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::core {

// Borrowed.
struct VerifySources {
  runtime::Redis& redis;
  client::Consumer& consumer;
  kube::Survey& survey;
  const Clock& clock;
  std::string topic_prefix;
};

struct VerifyReport {
  std::vector<Drift> drifts;
  std::vector<std::string> notes;  // what is no difference, and worth knowing
  std::int64_t events = 0;         // read in the log
  std::int64_t jobs = 0;           // that they tell of
  std::int64_t records = 0;        // in Redis
  std::int64_t queued = 0;
  std::int64_t live = 0;
  std::int64_t pods = 0;  // that have not ended, others' among them
  std::int64_t quotas = 0;

  std::string text() const;
  nlohmann::json json() const;
};

// Looks up to four times, some seconds apart, while there are differences: only those that every look has found are reported.
// Errors: unavailable or refused, when one of them can't be read.
Result<VerifyReport> verify(const VerifySources& sources);

}  // namespace oppen::core
