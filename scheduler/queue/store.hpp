#pragma once
// Writes the queue in Redis: every change is one script that checks the leader's epoch, the offset
// that caused it and the version of each record, then changes records, sums and order, appends
// events to the outbox and stores the next offset: all or nothing (scripts/*.lua).
//
// One thread uses a store; it borrows the Redis. Errors of all calls: unavailable (repeat), fenced
// (another instance leads, or Redis was restarted since this store was made: start over), conflict
// (a record changed: a defect while one instance leads), fatal.
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/queue/counters.hpp"
#include "scheduler/queue/outbox_entry.hpp"
#include "scheduler/queue/record.hpp"
#include "scheduler/queue/staged_batch.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::queue {

// What one commit does. Build it, hand it over, forget it.
class Changes {
 public:
  // The record of `topic` that is hereby handled; a repeated commit of it changes nothing.
  Changes& cause(std::string topic, std::int64_t offset);
  // Writes the record, whose version is raised here by one. Terminal records are kept for the
  // horizon and then forgotten.
  Changes& put(JobRecord& record);
  // conflict, and nothing of it is done, if it would leave live attempts of this team and project ("": of all) that are estimated
  // at more micro-dollars together.
  Changes& within(const std::string& team, const std::string& project, std::int64_t most);
  // Sets what the live attempts of a pair (pair_of) are estimated at together, which every put keeps right.
  Changes& committed(const std::string& pair, MicroUsd sum);
  // Adds to what attempts were estimated at that have ended (lib.lua: unseen), and forgets a field of it.
  Changes& unseen(std::string field, MicroUsd cost);
  Changes& seen(std::string field);
  Changes& event(const OutboxEntry& entry);
  Changes& value(std::string key, std::string value, std::chrono::milliseconds keep = {});
  Changes& erase(std::string key);
  Changes& meta(std::string field, std::string value);
  // A cell of what has been learned of durations; text "": it is forgotten.
  Changes& duration(std::string cell, std::string text);
  // What was told of a node; text "": it is forgotten.
  Changes& node(const std::string& name, std::string text);
  // `job_id` waits for `dependency` to end.
  Changes& depends(const std::string& job_id, const std::string& dependency);
  // Those that wait for `dependency` are to be looked at, whether it ends now or has ended before.
  Changes& settle(std::string dependency);
  Changes& settled(const std::string& dependency);
  Changes& not_settling(const std::string& dependency);  // it has not ended
  // The set of batches that are not decided yet.
  Changes& open_batch(std::string batch_id);
  Changes& close_batch(std::string batch_id);

  bool empty() const { return operations_.empty() && topic_.empty(); }

 private:
  friend class QueueStore;
  std::string topic_;
  std::int64_t offset_ = 0;
  std::vector<std::string> operations_;
};

// Of a store for reading alone: every script refuses it.
inline constexpr std::int64_t no_epoch = -1;

// How long an ended job is remembered: the horizon of deduplication, equal to the retention of
// `jobs`.
inline constexpr std::chrono::hours horizon{24 * 30};

struct Committed {
  bool already_applied = false;
  std::string outbox_id;  // of the last event; "" when there was none
  Counters counters;      // as they are after it
  bool settling = false;  // dependents of ended jobs have not been told yet
};

struct Heads {
  std::vector<JobRecord> by_priority[3];  // in order of launching
};

// A job that has the id of one of the batch's.
struct ExistingJob {
  std::int64_t place = 0;  // of the batch's
  std::string id;
};

struct ClaimedJobs {
  std::vector<ToldJob> told;
  std::vector<ExistingJob> existing;  // these are not claimed
};

struct StagedJob {
  JobRecord record;   // version 1, state queued
  OutboxEntry event;  // its job.queued
};

class QueueStore {
 public:
  // `epoch`: of the instance that leads; every write carries it.
  QueueStore(runtime::Redis& redis, std::string topic_prefix, std::int64_t epoch);

  Result<Committed> commit(Changes changes);
  // The first that may go, so many of each priority, and so many in all, the higher priorities first.
  Result<Heads> heads(int per_priority, bool window_open = false,
                      int in_all = std::numeric_limits<int>::max());
  // Ids of queued jobs with Hold::dependency, by their places.
  Result<std::vector<std::string>> held_by_dependency(Priority priority, std::int64_t from,
                                                      int count);
  // The same with Hold::budget, behind the place `after`.
  Result<std::vector<JobRecord>> held_by_budget(Priority priority, std::int64_t after, int count);
  // Field and sum of all that has ended and may not be known as spent yet.
  Result<std::vector<std::pair<std::string, MicroUsd>>> unseen();
  // Queued jobs with Hold::retry, in no order.
  Result<std::vector<JobRecord>> held_for_retry();
  Result<std::optional<JobRecord>> job(const std::string& job_id);
  Result<std::vector<std::optional<JobRecord>>> jobs(const std::vector<std::string>& job_ids);
  Result<std::vector<std::string>> live();
  // Some of the jobs, ended ones as a rule, whose dependents have not been told yet, in no order; and those that wait for a job, or have.
  Result<std::vector<std::string>> settling(int most);
  Result<std::vector<std::string>> dependents(const std::string& job_id);
  Result<Counters> counters();
  Result<std::optional<std::string>> value(const std::string& key);
  Result<std::optional<std::string>> meta(const std::string& field);
  // How many jobs of each of these users have not ended.
  Result<std::vector<std::int64_t>> open_jobs(const std::vector<std::string>& users);
  // Cell and text of all that has been learned of durations.
  Result<std::vector<std::pair<std::string, std::string>>> durations();
  // Name and text of all that was told of nodes.
  Result<std::vector<std::pair<std::string, std::string>>> nodes();
  // The id of the newest outbox entry; "" when nothing waits there.
  Result<std::string> outbox_tip();
  Result<std::int64_t> outbox_length();

  // Batches that are not visible yet (scripts/stage.lua, claim_jobs.lua, publish_batch.lua, unstage.lua).
  Result<std::vector<std::string>> open_batches();
  // In order of their places. `first`: a batch that was staged before under this id has been discarded.
  Status stage(const std::string& batch_id, bool first, const std::vector<StagedJob>& jobs);
  // Gives some of its jobs their ids, so that no other job can take them; nobody sees them yet. One slice of Slices after the other.
  Result<ClaimedJobs> claim_jobs(const std::string& batch_id, const Slices::Slice& slice);
  // Visible in one step, once every job is claimed and what was told is left out. conflict: some are missing, and nothing was changed.
  Result<Committed> publish_batch(const std::string& batch_id, const std::string& batch_record,
                                  const OutboxEntry& event, int parts, const StagedBatch& staged);
  // Takes back some of what is staged and claimed of it; how many jobs are left.
  Result<std::int64_t> discard_some(const std::string& batch_id);
  // All of it.
  Status discard_stage(const std::string& batch_id);
  // Of every open batch: what an earlier leader has left there. Before anything else is done with the jobs.
  Status discard_stages();

 private:
  Result<runtime::RedisReply> eval(const runtime::RedisScript& script, runtime::Redis::Args args);
  Result<runtime::RedisReply> command(runtime::Redis::Args args);
  Result<std::vector<std::string>> texts(runtime::Redis::Args args);  // of a list of texts
  Result<std::vector<std::pair<std::string, std::string>>> fields(const std::string& hash);
  Status same_server();

  runtime::Redis& redis_;
  std::string prefix_;
  std::string epoch_;
  std::string run_id_;  // of the server at the first call
};

}  // namespace oppen::queue
