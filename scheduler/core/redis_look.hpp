#pragma once
// Reads the queue in Redis in small pieces for those who compare; never writes. One thread uses it; it borrows the Redis. Errors of all
// calls: unavailable, refused, fatal.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/core/compare.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::core {

class RedisLook {
 public:
  RedisLook(runtime::Redis& redis, const std::string& topic_prefix);

  // As of one moment.
  struct Totals {
    std::string epoch;  // "" before the first leader
    queue::Counters counters;
    std::int64_t queued[3] = {};  // members of the queues
    std::int64_t live = 0;
    std::int64_t outbox = 0;
  };
  Result<Totals> totals();

  // Members behind `after`, in their order, with the sums of the same moment.
  struct Page {
    queue::Counters counters;
    std::vector<Member> members;
  };
  // `set`: of queue::waiting_sets.
  Result<Page> queued(Priority priority, const char* set, std::int64_t after, int count);
  Result<Page> live(std::int64_t after, int count);

  // The first lines of records; "" where there is none.
  Result<std::vector<std::string>> headers(const std::vector<std::string>& job_ids);
  // What these live jobs' records say; those that are gone are left out.
  Result<std::vector<LiveView>> views(const std::vector<Member>& members);

  // A few keys "<prefix><pattern>" at a time, without the prefix; may name one twice.
  Status scan(const std::string& pattern,
              const std::function<Status(const std::vector<std::string>&)>& each);
  // Which of these jobs' records are in no set, or another place of it, than they say.
  Status check_records(const std::vector<std::string>& job_ids, std::vector<Drift>& drifts);

  // One command on a key of the scheduler's.
  Result<runtime::RedisReply> command(const std::string& name, const std::string& key,
                                      const runtime::Redis::Args& more = {});

 private:
  Result<Page> page(const std::string& set, std::int64_t after, int count);
  Result<runtime::RedisReply> eval(const runtime::RedisScript& script, runtime::Redis::Args args);

  runtime::Redis& redis_;
  std::string prefix_;
};

}  // namespace oppen::core
