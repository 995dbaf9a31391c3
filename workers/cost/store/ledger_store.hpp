#pragma once
// Where the ledger is kept between two lives of a worker: Redis. scripts/lib.lua lists the keys. A partition belongs to one
// instance, which has claimed it last: what another one writes is refused, and changes nothing.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workers/cost/ledger/ledger.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::cost {

// A partition as its owner found it.
struct Claim {
  int partition = 0;
  std::string token;
  std::int64_t version = 0;
  std::optional<std::int64_t>
      next;  // offset of job-events from which to go on; none: nothing is known of the partition
  std::optional<std::int64_t> costs;  // offset of costs up to which everything is accounted for
};

// One change of a partition, all or nothing.
struct Change {
  std::optional<std::int64_t> next;
  std::optional<std::int64_t> costs;  // what was to be published before is on the bus, up to here
  std::vector<std::pair<std::string, const Job*>> jobs;
  std::vector<const Charge*> charges;  // to be published; those before must have been, see costs

  bool empty() const { return !next && !costs && jobs.empty() && charges.empty(); }
};

// One thread. Errors of all: of Redis; fatal for what is broken in it.
class LedgerStore {
 public:
  // `redis` must outlive this.
  LedgerStore(runtime::Redis& redis, const std::string& topic_prefix);

  // The id of the Kafka cluster whose events these are; the first one that asks settles it.
  Result<std::string> cluster(const std::string& connected);
  Result<Claim> claim(int partition);
  Result<std::vector<std::pair<std::string, Job>>> open_jobs(int partition);
  // Those of these that are stored as settled.
  Result<std::map<std::string, Job>> settled_jobs(const std::vector<std::string>& job_ids);
  // What was to be published last.
  Result<std::vector<Charge>> outbox(int partition);
  // Policies by their offset in control. They are kept here because the topic forgets what has stood unchanged for long.
  Status remember_policy(std::int64_t offset, const std::string& text);
  Result<std::map<std::int64_t, std::string>> policies();
  Status forget_policy(std::int64_t offset);
  // Raises the claim's version. fenced: it belongs to another one, or Redis does not hold what it held.
  Status commit(Claim& claim, const Change& change);

 private:
  runtime::Redis& redis_;
  std::string prefix_;
};

}  // namespace oppen::cost
