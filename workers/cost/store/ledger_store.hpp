#pragma once
// Where the ledger and the books are kept between two lives of a worker: Redis. scripts/lib.lua lists the keys. A partition belongs to one
// instance, which has claimed it last: what another one writes is refused, and changes nothing. A Redis that has come back older may
// know an older claim as the last one: so whoever meets any error of Redis, as one whose connection breaks does, must drop what it
// has claimed and claim it again.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workers/cost/ledger/ledger.hpp"
#include "workers/cost/store/advised.hpp"
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
  std::optional<std::int64_t> runs;   // as next, of the topic runs
  std::optional<std::int64_t> telemetry = {};     // and of telemetry
  std::map<std::string, std::string> tried = {};  // by topic, see first_record.hpp
};

// One change of a partition, all or nothing.
struct Change {
  std::optional<std::int64_t> next;
  std::optional<std::int64_t> costs;  // what was to be published before is on the bus, up to here
  std::vector<std::pair<std::string, Job*>> jobs;  // whose runs learn on which lists they stand
  std::vector<const Charge*> charges;  // to be published; those before must have been, see costs
  std::optional<std::int64_t> runs = {};
  std::vector<const CostAccrued*> recalled = {};  // that are on the bus, and count in the books now
  std::optional<std::int64_t> telemetry = {};
  std::vector<DayRow> measured = {};  // adds to the books what telemetry told
  std::vector<std::pair<std::string, std::string>> usages =
      {};                    // "job/attempt" and its usage; "": forgotten
  bool keep_outbox = false;  // `costs` does not say that what was to be published is on the bus
  std::map<std::string, std::string> tried = {};  // by topic
  std::vector<Advised> advised = {};

  bool empty() const {
    return !next && !costs && !runs && jobs.empty() && charges.empty() && recalled.empty() &&
           tried.empty() && !telemetry && usages.empty() && advised.empty();
  }
};

// One thread. Errors of all: of Redis; fatal for what is broken in it.
class LedgerStore {
 public:
  // `redis` must outlive this.
  LedgerStore(runtime::Redis& redis, const std::string& topic_prefix);

  // The id of the Kafka cluster whose events these are; the first one that asks settles it. fatal, too, when what is there was written
  // by another version, in another form.
  Result<std::string> cluster(const std::string& connected);
  Result<Claim> claim(int partition);
  Result<std::vector<std::pair<std::string, Job>>> open_jobs(int partition);
  // Those of these that are stored as settled, or of whose runs there is a record.
  Result<std::map<std::string, Job>> settled_jobs(const std::vector<std::string>& job_ids);
  // What telemetry has told of attempts, by "job/attempt".
  Result<std::map<std::string, std::string>> usages(int partition);
  // What was to be published last.
  Result<std::vector<Charge>> outbox(int partition);
  // The first runs of a partition, at most `limit`, of which it is due by `now` to publish what could have been saved, by their run_key.
  // A run that has succeeded is so from when it has been charged whole and its run.completed is there, or a minute after the charge, until a
  // change says that it is advised.
  Result<std::vector<std::string>> due_for_advice(int partition, Time now, std::size_t limit);
  // Of these places (Recommended::place) of a model type, the recommendations that stand there, as they were stored; nothing where none does.
  Result<std::map<std::string, std::string>> recommended(const std::string& model_type,
                                                         const std::vector<std::string>& places);
  // Policies by their offset in control. They are kept here because the topic forgets what has stood unchanged for long.
  Status remember_policies(const std::map<std::int64_t, std::string>& texts);
  Result<std::map<std::int64_t, std::string>> policies();
  Status forget_policy(std::int64_t offset);
  // The time by Redis' clock.
  Result<Time> time();
  // Of this process, as Tried has it.
  const std::string& instance() const { return instance_; }
  // Raises the claim's version. fenced: it belongs to another one, or Redis does not hold what it held.
  Status commit(Claim& claim, const Change& change);

 private:
  Status load_runs(std::vector<std::pair<std::string, Job*>> jobs);

  runtime::Redis& redis_;
  std::string prefix_;
  std::string instance_;
};

}  // namespace oppen::cost
