#pragma once
// What the console asks of the queue: the calls of queue::QueueReader, safe from any thread. The
// real one is PooledQueue; the tests script their own. Errors: unavailable (Redis is away),
// not_found where QueueReader says so.
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/queue/reader.hpp"

namespace oppen::console {

class QueueView {
 public:
  virtual ~QueueView() = default;

  virtual Result<queue::Counters> counters() = 0;
  virtual Result<queue::JobRecord> job(const std::string& job_id) = 0;
  virtual Result<queue::BatchView> batch(const std::string& batch_id) = 0;
  virtual Result<std::optional<std::int64_t>> position(const queue::JobRecord& record) = 0;
  virtual Result<queue::Page> queued(const std::string& cursor, int limit) = 0;
  virtual Result<queue::Page> live(const std::string& cursor, int limit) = 0;
  virtual Result<queue::Page> ended(const std::string& cursor, int limit) = 0;
  virtual Result<std::vector<std::pair<std::string, MicroUsd>>> unseen() = 0;
  virtual Result<nlohmann::json> policy() = 0;
  virtual Result<nlohmann::json> leader() = 0;
};

}  // namespace oppen::console
