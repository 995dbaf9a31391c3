#pragma once
// Reads the queue: for the console and for tools. Never writes. One thread uses a reader at a time;
// it borrows the Redis. Errors of all calls: unavailable (Redis is away), not_found where it says
// so.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/queue/counters.hpp"
#include "scheduler/queue/record.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::queue {

struct Page {
  std::vector<JobRecord> jobs;
  std::string next;  // pass as `cursor` for the following page; "" at the end
};

struct BatchView {
  std::string batch_id;
  std::string state;  // receiving | queued | rejected
  Time first_seen{};
  std::vector<std::string> jobs;  // once queued
};

class QueueReader {
 public:
  QueueReader(runtime::Redis& redis, std::string topic_prefix);

  Result<Counters> counters();
  Result<JobRecord> job(const std::string& job_id);      // not_found
  Result<BatchView> batch(const std::string& batch_id);  // not_found
  // Its place in the order of launching, from 1; nullopt when it is not queued, or held until something has happened.
  Result<std::optional<std::int64_t>> position(const JobRecord& record);

  // Queued jobs in the order of launching, of each priority those that nothing holds first; live ones, oldest attempt first; ended ones, latest
  // first. `cursor` "" for the first.
  Result<Page> queued(const std::string& cursor, int limit);
  Result<Page> live(const std::string& cursor, int limit);
  Result<Page> ended(const std::string& cursor, int limit);

  // The policies in force, as the scheduler published them:
  // {"scheduling_policies":{..},"cost_model":{..},"effective_from":..}; not_found before the first.
  Result<nlohmann::json> policy();

  // Field and sum of what has ended and may not be known as spent yet (budgets::read_unseen).
  Result<std::vector<std::pair<std::string, MicroUsd>>> unseen();

  // {"instance","epoch","since","head_waits"}: who leads, since when, and why the first waiting job waits ("" when it
  // does not); not_found before the first leader.
  Result<nlohmann::json> leader();

 private:
  Result<Page> page(const std::vector<std::string>& keys, bool latest_first,
                    const std::string& cursor, int limit);

  runtime::Redis& redis_;
  std::string prefix_;
};

}  // namespace oppen::queue
