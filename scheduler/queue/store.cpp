#include "scheduler/queue/store.hpp"

#include <cstdlib>
#include <iterator>

#include "scheduler/queue/keys.hpp"
#include "scheduler/queue/lua_scripts.hpp"

namespace oppen::queue {
namespace {

using runtime::Redis;
using runtime::RedisReply;
using runtime::RedisScript;

std::string horizon_ms() { return std::to_string(std::chrono::milliseconds(horizon).count()); }

std::optional<std::string> text_or_none(RedisReply reply) {
  if (reply.is_nil()) return std::nullopt;
  return std::move(reply.text);
}

Committed committed(const RedisReply& reply) {
  return {reply.elements.at(0).text == "applied", reply.elements.at(1).text,
          parse_counters(reply.elements.at(2)),
          reply.elements.size() > 3 && reply.elements[3].integer > 0};
}

}  // namespace

Changes& Changes::cause(std::string topic, std::int64_t offset) {
  topic_ = std::move(topic);
  offset_ = offset;
  return *this;
}

Changes& Changes::put(JobRecord& record) {
  const auto expected = record.version++;
  const bool terminal = is_terminal(record.state);
  const auto ended = record.ended_at.value_or(record.submitted_at).time_since_epoch().count();
  for (auto&& part :
       {std::string("J"), record.spec.job_id, std::to_string(expected), encode(record),
        terminal ? horizon_ms() : std::string("0"), std::to_string(terminal ? ended : 0),
        pair_of(record.spec.team, record.spec.project)}) {
    operations_.push_back(part);
  }
  return *this;
}

Changes& Changes::within(const std::string& team, const std::string& project, std::int64_t most) {
  const auto word = [](const std::string& name) { return name.empty() ? "*" : name; };
  operations_.insert(operations_.end(), {"B", word(team), word(project), std::to_string(most)});
  return *this;
}

Changes& Changes::committed(const std::string& pair, MicroUsd sum) {
  operations_.insert(operations_.end(), {"C", pair, std::to_string(sum.value)});
  return *this;
}

Changes& Changes::unseen(std::string field, MicroUsd cost) {
  operations_.insert(operations_.end(), {"N", std::move(field), std::to_string(cost.value)});
  return *this;
}

Changes& Changes::seen(std::string field) {
  operations_.insert(operations_.end(), {"H", "unseen", std::move(field), ""});
  return *this;
}

Changes& Changes::event(const OutboxEntry& entry) {
  operations_.emplace_back("E");
  operations_.push_back(encode(entry));
  return *this;
}

Changes& Changes::value(std::string key, std::string value, std::chrono::milliseconds keep) {
  operations_.insert(operations_.end(), {"V", std::move(key)});
  operations_.push_back(
      std::move(value));  // of up to a megabyte: an initializer list would copy it
  operations_.push_back(std::to_string(keep.count()));
  return *this;
}

Changes& Changes::erase(std::string key) {
  operations_.insert(operations_.end(), {"D", std::move(key)});
  return *this;
}

Changes& Changes::meta(std::string field, std::string value) {
  operations_.insert(operations_.end(), {"M", std::move(field), std::move(value)});
  return *this;
}

Changes& Changes::duration(std::string cell, std::string text) {
  operations_.insert(operations_.end(), {"H", "durations", std::move(cell), std::move(text)});
  return *this;
}

Changes& Changes::node(const std::string& name, std::string text) {
  operations_.insert(operations_.end(), {"H", "nodes", name, std::move(text)});
  return *this;
}

Changes& Changes::depends(const std::string& job_id, const std::string& dependency) {
  operations_.insert(operations_.end(), {"A", "dependents:" + dependency, job_id});
  return *this;
}

Changes& Changes::settle(std::string dependency) {
  operations_.insert(operations_.end(), {"A", "settling", std::move(dependency)});
  return *this;
}

Changes& Changes::settled(const std::string& dependency) {
  return not_settling(dependency).erase("dependents:" + dependency);
}

Changes& Changes::not_settling(const std::string& dependency) {
  operations_.insert(operations_.end(), {"R", "settling", dependency});
  return *this;
}

Changes& Changes::open_batch(std::string batch_id) {
  operations_.insert(operations_.end(), {"A", "batches", std::move(batch_id)});
  return *this;
}

Changes& Changes::close_batch(std::string batch_id) {
  operations_.insert(operations_.end(), {"R", "batches", std::move(batch_id)});
  return *this;
}

QueueStore::QueueStore(Redis& redis, std::string topic_prefix, std::int64_t epoch)
    : redis_(redis),
      prefix_(key_prefix(topic_prefix)),
      epoch_(std::to_string(epoch)),
      run_id_(redis.run_id()) {}

Status QueueStore::same_server() {
  if (run_id_.empty()) run_id_ = redis_.run_id();
  if (redis_.run_id() == run_id_) return {};
  return fail(ErrorKind::fenced,
              "Redis was restarted: what it holds has to be checked against the log");
}

Result<RedisReply> QueueStore::eval(const RedisScript& script, Redis::Args args) {
  args.insert(args.begin(), prefix_);
  auto reply = redis_.eval(script, {prefix_ + "meta"}, args);
  if (const auto same = same_server(); !same) return fail(same.error());
  return reply;
}

Result<RedisReply> QueueStore::command(Redis::Args args) {
  auto reply = redis_.command(args);
  if (const auto same = same_server(); !same) return fail(same.error());
  return reply;
}

Result<Committed> QueueStore::commit(Changes changes) {
  static const RedisScript script(lua::commit);
  Redis::Args args{epoch_, changes.topic_, std::to_string(changes.offset_)};
  std::move(changes.operations_.begin(), changes.operations_.end(), std::back_inserter(args));
  return eval(script, std::move(args)).map(committed);
}

Result<Heads> QueueStore::heads(int per_priority, bool window_open, int in_all) {
  static const RedisScript script(lua::heads);
  const auto reply =
      eval(script, {std::to_string(per_priority), std::to_string(in_all), window_open ? "1" : "0"});
  if (!reply) return fail(reply.error());
  Heads heads;
  for (std::size_t priority = 0; priority < 3; ++priority) {
    const auto& ids = reply->elements.at(2 * priority).elements;
    const auto& records = reply->elements.at(2 * priority + 1).elements;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      auto record = decode(ids[i].text, records.at(i).text);
      if (!record) return fail(record.error());
      heads.by_priority[priority].push_back(std::move(*record));
    }
  }
  return heads;
}

Result<std::optional<JobRecord>> QueueStore::job(const std::string& job_id) {
  auto found = jobs({job_id});
  if (!found) return fail(found.error());
  return std::move(found->front());
}

Result<std::vector<std::optional<JobRecord>>> QueueStore::jobs(
    const std::vector<std::string>& job_ids) {
  std::vector<std::optional<JobRecord>> records;
  if (job_ids.empty()) return records;
  Redis::Args args{"MGET"};
  for (const auto& id : job_ids) args.push_back(prefix_ + "job:" + id);
  const auto reply = command(std::move(args));
  if (!reply) return fail(reply.error());
  for (std::size_t i = 0; i < job_ids.size(); ++i) {
    const auto& element = reply->elements.at(i);
    if (element.is_nil()) {
      records.emplace_back();
      continue;
    }
    auto record = decode(job_ids[i], element.text);
    if (!record) return fail(record.error());
    records.emplace_back(std::move(*record));
  }
  return records;
}

Result<std::vector<std::string>> QueueStore::texts(Redis::Args args) {
  const auto reply = command(std::move(args));
  if (!reply) return fail(reply.error());
  std::vector<std::string> found;
  for (const auto& element : reply->elements) found.push_back(element.text);
  return found;
}

Result<std::vector<std::string>> QueueStore::live() {
  return texts({"ZRANGE", prefix_ + "live", "0", "-1"});
}

Result<std::vector<std::string>> QueueStore::settling(int most) {
  return texts({"SRANDMEMBER", prefix_ + "settling", std::to_string(most)});
}

Result<std::vector<std::string>> QueueStore::held_by_dependency(Priority priority,
                                                                std::int64_t from, int count) {
  return texts({"ZRANGE", prefix_ + "dependent:" + letter(priority), std::to_string(from),
                std::to_string(from + count - 1)});
}

Result<std::vector<JobRecord>> QueueStore::held_by_budget(Priority priority, std::int64_t after,
                                                          int count) {
  const auto ids =
      texts({"ZRANGEBYSCORE", prefix_ + "budget:" + letter(priority), "(" + std::to_string(after),
             "+inf", "LIMIT", "0", std::to_string(count)});
  if (!ids) return fail(ids.error());
  auto found = jobs(*ids);
  if (!found) return fail(found.error());
  std::vector<JobRecord> held;
  for (auto& record : *found) {
    if (record) held.push_back(std::move(*record));
  }
  return held;
}

Result<std::vector<std::pair<std::string, MicroUsd>>> QueueStore::unseen() {
  return command({"HGETALL", prefix_ + "unseen"}).map(parse_unseen);
}

Result<std::vector<std::string>> QueueStore::dependents(const std::string& job_id) {
  return texts({"SMEMBERS", prefix_ + "dependents:" + job_id});
}

Result<std::vector<JobRecord>> QueueStore::held_for_retry() {
  std::vector<JobRecord> held;
  for (const auto priority : all_priorities) {
    const auto ids = texts({"ZRANGE", prefix_ + "retry:" + letter(priority), "0", "-1"});
    if (!ids) return fail(ids.error());
    auto records = jobs(*ids);
    if (!records) return fail(records.error());
    for (auto& record : *records) {
      if (record) held.push_back(std::move(*record));
    }
  }
  return held;
}

Result<Counters> QueueStore::counters() {
  return command({"HGETALL", prefix_ + "counters"}).map(parse_counters);
}

Result<std::optional<std::string>> QueueStore::value(const std::string& key) {
  return command({"GET", prefix_ + key}).map(text_or_none);
}

Result<std::optional<std::string>> QueueStore::meta(const std::string& field) {
  return command({"HGET", prefix_ + "meta", field}).map(text_or_none);
}

Result<std::vector<std::int64_t>> QueueStore::open_jobs(const std::vector<std::string>& users) {
  std::vector<std::int64_t> jobs;
  if (users.empty()) return jobs;
  Redis::Args args{"HMGET", prefix_ + "users"};
  for (const auto& user : users) args.push_back(user_word(user));
  const auto reply = command(std::move(args));
  if (!reply) return fail(reply.error());
  for (const auto& element : reply->elements)
    jobs.push_back(std::strtoll(element.text.c_str(), nullptr, 10));
  return jobs;
}

Result<std::vector<std::pair<std::string, std::string>>> QueueStore::durations() {
  return fields("durations");
}

Result<std::vector<std::pair<std::string, std::string>>> QueueStore::nodes() {
  return fields("nodes");
}

Result<std::vector<std::pair<std::string, std::string>>> QueueStore::fields(
    const std::string& hash) {
  const auto reply = command({"HGETALL", prefix_ + hash});
  if (!reply) return fail(reply.error());
  std::vector<std::pair<std::string, std::string>> fields;
  for (std::size_t i = 0; i + 1 < reply->elements.size(); i += 2)
    fields.emplace_back(reply->elements[i].text, reply->elements[i + 1].text);
  return fields;
}

Result<std::string> QueueStore::outbox_tip() {
  return command({"XREVRANGE", prefix_ + "outbox", "+", "-", "COUNT", "1"})
      .map([](const RedisReply& reply) {
        return reply.elements.empty() ? std::string() : reply.elements[0].elements.at(0).text;
      });
}

Result<std::int64_t> QueueStore::outbox_length() {
  return command({"XLEN", prefix_ + "outbox"}).map([](const RedisReply& reply) {
    return reply.integer;
  });
}

Result<std::vector<std::string>> QueueStore::open_batches() {
  return texts({"SMEMBERS", prefix_ + "batches"});
}

Status QueueStore::stage(const std::string& batch_id, bool first,
                         const std::vector<StagedJob>& jobs) {
  static const RedisScript script(lua::stage);
  Redis::Args args{epoch_, batch_id, first ? "1" : "0"};
  for (const auto& job : jobs) {
    args.insert(args.end(), {job.record.spec.job_id, encode(job.record), encode(job.event)});
  }
  return eval(script, std::move(args)).map([](const RedisReply&) {});
}

Result<ClaimedJobs> QueueStore::claim_jobs(const std::string& batch_id,
                                           const Slices::Slice& slice) {
  static const RedisScript script(lua::claim_jobs);
  const auto reply =
      eval(script, {epoch_, batch_id, std::string(slice.set), std::string(slice.jobs)});
  if (!reply) return fail(reply.error());
  const auto& told = reply->elements.at(0).elements;
  const auto& existing = reply->elements.at(1).elements;
  const auto number = [](const RedisReply& text) {
    return std::strtoll(text.text.c_str(), nullptr, 10);
  };
  ClaimedJobs claimed;
  const auto priority = slice.set.empty() ? Priority::normal : priority_of(slice.set.back());
  for (std::size_t i = 0; i + 2 < told.size(); i += 3)
    claimed.told.push_back(
        {priority, {number(told[i])}, number(told[i + 1]), user_of(told[i + 2].text)});
  for (std::size_t i = 0; i + 1 < existing.size(); i += 2)
    claimed.existing.push_back({number(existing[i]), existing[i + 1].text});
  return claimed;
}

Result<Committed> QueueStore::publish_batch(const std::string& batch_id,
                                            const std::string& batch_record,
                                            const OutboxEntry& event, int parts,
                                            const StagedBatch& staged) {
  static const RedisScript script(lua::publish_batch);
  Redis::Args args{epoch_,
                   batch_id,
                   batch_record,
                   horizon_ms(),
                   encode(event),
                   std::to_string(parts),
                   std::to_string(staged.jobs + staged.told),
                   std::to_string(staged.told)};
  for (std::size_t priority = 0; priority < 3; ++priority) {
    args.push_back(std::to_string(staged.cost[priority].value));
    args.push_back(std::to_string(staged.milliseconds[priority]));
  }
  args.push_back(std::to_string(staged.users.size()));
  for (const auto& [user, jobs] : staged.users) {
    args.push_back(user_word(user));
    args.push_back(std::to_string(jobs));
  }
  const auto& [pairs, outside] = staged.dependencies;
  args.push_back(std::to_string(outside.size()));
  args.insert(args.end(), outside.begin(), outside.end());
  args.insert(args.end(), pairs.begin(), pairs.end());
  const auto reply = eval(script, std::move(args));
  if (!reply) return fail(reply.error());
  if (reply->elements.at(0).text == "missing")
    return fail(ErrorKind::conflict, "a job of batch " + batch_id + " is gone");
  return committed(*reply);
}

Result<std::int64_t> QueueStore::discard_some(const std::string& batch_id) {
  static const RedisScript script(lua::unstage);
  return eval(script, {epoch_, batch_id, "250"}).map([](const RedisReply& reply) {
    return reply.integer;
  });
}

Status QueueStore::discard_stage(const std::string& batch_id) {
  for (;;) {
    const auto left = discard_some(batch_id);
    if (!left) return fail(left.error());
    if (*left == 0) return {};
  }
}

Status QueueStore::discard_stages() {
  const auto open = open_batches();
  if (!open) return fail(open.error());
  for (const auto& batch_id : *open) {
    if (auto status = discard_stage(batch_id); !status) return status;
  }
  return {};
}

}  // namespace oppen::queue
