#include "scheduler/queue/reader.hpp"

#include <charconv>

#include "scheduler/queue/keys.hpp"
#include "scheduler/queue/lua_scripts.hpp"

namespace oppen::queue {
namespace {

using nlohmann::json;
using runtime::RedisReply;

// A cursor counts the jobs already shown. A queue that moves between two pages may show a job twice
// or skip one; the alternative, a cursor by place, can't number the ended jobs, which are ordered
// by time.
Result<std::int64_t> parse_cursor(const std::string& cursor) {
  if (cursor.empty()) return 0;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), value);
  if (error != std::errc{} || end != cursor.data() + cursor.size() || value < 0) {
    return fail(ErrorKind::invalid,
                "cursor is \"" + cursor + "\": expected the `next` of an earlier page");
  }
  return value;
}

}  // namespace

QueueReader::QueueReader(runtime::Redis& redis, std::string topic_prefix)
    : redis_(redis), prefix_(key_prefix(topic_prefix)) {}

Result<Counters> QueueReader::counters() {
  return redis_.command({"HGETALL", prefix_ + "counters"}).map(parse_counters);
}

Result<JobRecord> QueueReader::job(const std::string& job_id) {
  const auto reply = redis_.command({"GET", prefix_ + "job:" + job_id});
  if (!reply) return fail(reply.error());
  if (reply->is_nil()) return fail(ErrorKind::not_found, "there is no job " + job_id);
  return decode(job_id, reply->text);
}

Result<BatchView> QueueReader::batch(const std::string& batch_id) {
  const auto reply = redis_.command({"GET", prefix_ + "batch:" + batch_id});
  if (!reply) return fail(reply.error());
  if (reply->is_nil()) return fail(ErrorKind::not_found, "there is no batch " + batch_id);
  const auto data = json::parse(reply->text, nullptr, false);
  if (!data.is_object())
    return fail(ErrorKind::fatal, "the record of batch " + batch_id + " in Redis is broken");
  BatchView view{batch_id,
                 data.value("state", ""),
                 Time{std::chrono::milliseconds{data.value("first_seen", 0LL)}},
                 {}};
  if (data.contains("jobs")) view.jobs = data["jobs"].get<std::vector<std::string>>();
  return view;
}

Result<std::optional<std::int64_t>> QueueReader::position(const JobRecord& record) {
  if (record.state != JobState::queued) return std::nullopt;
  if (record.hold != Hold::none && record.hold != Hold::window) return std::nullopt;
  std::vector<runtime::Redis::Args> commands;
  for (const auto priority : all_priorities) {
    const bool own = priority == record.priority;
    const auto before = own ? "(" + std::to_string(record.place) : "+inf";
    for (const auto* set : {"queue:", "window:"})
      commands.push_back({"ZCOUNT", prefix_ + set + letter(priority), "-inf", before});
    if (own) break;
  }
  const auto replies = redis_.pipeline(commands);
  if (!replies) return fail(replies.error());
  std::int64_t position = 1;
  for (const auto& reply : *replies) position += reply.integer;
  return position;
}

Result<Page> QueueReader::page(const std::vector<std::string>& keys, bool latest_first,
                               const std::string& cursor, int limit) {
  const auto start = parse_cursor(cursor);
  if (!start) return fail(start.error());
  std::vector<std::string> ids;
  std::int64_t skip = *start;
  // One more than asked for tells whether there is a next page.
  for (const auto& key : keys) {
    const auto wanted =
        static_cast<std::int64_t>(limit) + 1 - static_cast<std::int64_t>(ids.size());
    if (wanted <= 0) break;
    const auto replies =
        redis_.pipeline({{"ZCARD", key},
                         {latest_first ? "ZREVRANGE" : "ZRANGE", key, std::to_string(skip),
                          std::to_string(skip + wanted - 1)}});
    if (!replies) return fail(replies.error());
    skip = std::max<std::int64_t>(0, skip - replies->at(0).integer);
    for (const auto& element : replies->at(1).elements) ids.push_back(element.text);
  }
  Page page;
  if (ids.size() > static_cast<std::size_t>(limit)) {
    ids.resize(static_cast<std::size_t>(limit));
    page.next = std::to_string(*start + limit);
  }
  if (ids.empty()) return page;
  runtime::Redis::Args args{"MGET"};
  for (const auto& id : ids) args.push_back(prefix_ + "job:" + id);
  const auto records = redis_.command(args);
  if (!records) return fail(records.error());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (records->elements.at(i).is_nil()) continue;  // forgotten since
    auto record = decode(ids[i], records->elements[i].text);
    if (!record) return fail(record.error());
    page.jobs.push_back(std::move(*record));
  }
  return page;
}

Result<Page> QueueReader::queued(const std::string& cursor, int limit) {
  std::vector<std::string> keys;
  for (const auto priority : all_priorities) {
    for (const auto* set : waiting_sets) keys.push_back(prefix_ + set + letter(priority));
  }
  return page(keys, false, cursor, limit);
}
Result<Page> QueueReader::live(const std::string& cursor, int limit) {
  return page({prefix_ + "live"}, false, cursor, limit);
}
Result<Page> QueueReader::ended(const std::string& cursor, int limit) {
  return page({prefix_ + "ended"}, true, cursor, limit);
}

Result<json> QueueReader::policy() {
  const auto reply = redis_.command({"GET", prefix_ + "policy"});
  if (!reply) return fail(reply.error());
  if (reply->is_nil())
    return fail(ErrorKind::not_found, "the scheduler has published no policy yet");
  return json::parse(reply->text, nullptr, false);
}

Result<std::vector<std::pair<std::string, MicroUsd>>> QueueReader::unseen() {
  const auto reply = redis_.command({"HGETALL", prefix_ + "unseen"});
  if (!reply) return fail(reply.error());
  return parse_unseen(*reply);
}

Result<json> QueueReader::leader() {
  const auto reply =
      redis_.command({"HMGET", prefix_ + "meta", "leader", "epoch", "leader_since", "head_waits"});
  if (!reply) return fail(reply.error());
  if (reply->elements.at(0).is_nil()) return fail(ErrorKind::not_found, "no scheduler has led yet");
  return json{{"instance", reply->elements[0].text},
              {"epoch", std::strtoll(reply->elements[1].text.c_str(), nullptr, 10)},
              {"since", reply->elements[2].text},
              {"head_waits", reply->elements[3].text}};
}

}  // namespace oppen::queue
