#include "scheduler/core/redis_look.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>

#include "scheduler/queue/keys.hpp"

namespace oppen::core {
namespace {

using runtime::Redis;
using runtime::RedisReply;
using runtime::RedisScript;

// The sets of queued jobs, and which of them is that of a hold: stands before the scripts that go by it.
std::string with_waiting_sets(const char* script) {
  std::string sets;
  std::string holds;
  for (std::size_t i = 0; i < std::size(queue::waiting_sets); ++i) {
    sets += fmt::format("'{}', ", queue::waiting_sets[i]);
    holds += fmt::format("['{}'] = '{}', ", queue::letter(static_cast<queue::Hold>(i)),
                         queue::waiting_sets[i]);
  }
  holds += "a = 'queue:', o = 'window:'";  // as in lib.lua
  return fmt::format("local waiting_sets, set_of_hold = {{{}}}, {{{}}}\n{}", sets, holds, script);
}

// ARGV  prefix
constexpr auto totals_script = R"(
local p = ARGV[1]
local function queued(priority)
  local jobs = 0
  for _, set in ipairs(waiting_sets) do jobs = jobs + redis.call('ZCARD', p .. set .. priority) end
  return jobs
end
return {redis.call('HGET', p .. 'meta', 'epoch') or '', redis.call('HGETALL', p .. 'counters'),
        queued('u'), queued('n'), queued('b'),
        redis.call('ZCARD', p .. 'live'), redis.call('XLEN', p .. 'outbox')})";

// ARGV  prefix, set, first score, how many. Returns {counters, {id, score, header, ...}}.
constexpr auto page_script = R"(
local p = ARGV[1]
local found = redis.call('ZRANGEBYSCORE', p .. ARGV[2], ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
local members = {}
for i = 1, #found, 2 do
  members[#members + 1] = found[i]
  members[#members + 1] = found[i + 1]
  members[#members + 1] = string.match(redis.call('GETRANGE', p .. 'job:' .. found[i], 0, 250), '^[^\n]*')
end
return {redis.call('HGETALL', p .. 'counters'), members})";

// ARGV  prefix, ids. Returns {header, ...}.
constexpr auto headers_script = R"(
local headers = {}
for i = 2, #ARGV do
  headers[i - 1] = string.match(redis.call('GETRANGE', ARGV[1] .. 'job:' .. ARGV[i], 0, 250), '^[^\n]*')
end
return headers)";

// ARGV  prefix, ids. Returns {id, set, what is found there, ...} of those that are not where their record says. A batch that is not
// visible yet may have claimed a job that is in no queue.
constexpr auto misplaced_script = R"(
local p, found = ARGV[1], {}
local sets = {l = 'live', r = 'live', x = 'live', s = 'ended', f = 'ended', c = 'ended', j = 'ended'}
for i = 2, #ARGV do
  local record = redis.call('GETRANGE', p .. 'job:' .. ARGV[i], 0, 250)
  local state, priority, place, hold = string.match(record, '^(%a) %d+ %d+ (%a) %d+ (%d+) %d+ %d+ %d+ %d+ %d+ ([-%a])')
  if state then
    local set = state == 'q' and set_of_hold[hold] .. priority or sets[state]
    local score = redis.call('ZSCORE', p .. set, ARGV[i])
    if state == 'q' and not score then
      local read, detail = pcall(cjson.decode, string.match(redis.call('GET', p .. 'job:' .. ARGV[i]), '\n(.*)'))
      if read and detail.batch and redis.call('EXISTS', p .. 'stage-claimed:' .. detail.batch) == 1 then score = place end
    end
    if not score or (set ~= 'ended' and tonumber(score) ~= tonumber(place)) then
      found[#found + 1] = ARGV[i]
      found[#found + 1] = set
      found[#found + 1] = score or ''
    end
  elseif record ~= '' then
    found[#found + 1] = ARGV[i]
    found[#found + 1] = 'record'
    found[#found + 1] = string.sub(record, 1, 40)
  end
end
return found)";

}  // namespace

RedisLook::RedisLook(Redis& redis, const std::string& topic_prefix)
    : redis_(redis), prefix_(queue::key_prefix(topic_prefix)) {}

Result<RedisReply> RedisLook::eval(const RedisScript& script, Redis::Args args) {
  args.insert(args.begin(), prefix_);
  return redis_.eval(script, {prefix_ + "meta"}, args);
}

Result<RedisReply> RedisLook::command(const std::string& name, const std::string& key,
                                      const Redis::Args& more) {
  Redis::Args args{name, prefix_ + key};
  args.insert(args.end(), more.begin(), more.end());
  return redis_.command(args);
}

Result<RedisLook::Totals> RedisLook::totals() {
  static const RedisScript script(with_waiting_sets(totals_script));
  const auto reply = eval(script, {});
  if (!reply) return fail(reply.error());
  const auto& parts = reply->elements;
  Totals totals;
  totals.epoch = parts.at(0).text;
  totals.counters = queue::parse_counters(parts.at(1));
  for (std::size_t i = 0; i < 3; ++i) totals.queued[i] = parts.at(2 + i).integer;
  totals.live = parts.at(5).integer;
  totals.outbox = parts.at(6).integer;
  return totals;
}

Result<RedisLook::Page> RedisLook::page(const std::string& set, std::int64_t after, int count) {
  static const RedisScript script(page_script);
  const auto reply = eval(script, {set, fmt::format("({}", after), std::to_string(count)});
  if (!reply) return fail(reply.error());
  Page page{queue::parse_counters(reply->elements.at(0)), {}};
  const auto& members = reply->elements.at(1).elements;
  for (std::size_t i = 0; i + 2 < members.size(); i += 3) {
    page.members.push_back(
        {members[i].text,
         static_cast<std::int64_t>(std::strtod(members[i + 1].text.c_str(), nullptr)),
         members[i + 2].text});
  }
  return page;
}

Result<RedisLook::Page> RedisLook::queued(Priority priority, const char* set, std::int64_t after,
                                          int count) {
  return page(std::string(set) + queue::letter(priority), after, count);
}
Result<RedisLook::Page> RedisLook::live(std::int64_t after, int count) {
  return page("live", after, count);
}

Result<std::vector<std::string>> RedisLook::headers(const std::vector<std::string>& job_ids) {
  static const RedisScript script(headers_script);
  std::vector<std::string> headers;
  if (job_ids.empty()) return headers;
  const auto reply = eval(script, job_ids);
  if (!reply) return fail(reply.error());
  for (const auto& element : reply->elements) headers.push_back(element.text);
  return headers;
}

Result<std::vector<LiveView>> RedisLook::views(const std::vector<Member>& members) {
  std::vector<LiveView> views;
  if (members.empty()) return views;
  Redis::Args args{"MGET"};
  for (const auto& member : members) args.push_back(prefix_ + "job:" + member.job_id);
  const auto records = redis_.command(args);
  if (!records) return fail(records.error());
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto& element = records->elements.at(i);
    const auto record = element.is_nil() ? fail(ErrorKind::not_found, "")
                                         : queue::decode(members[i].job_id, element.text);
    if (record && queue::is_live(record->state)) views.push_back(view_of(*record));
  }
  return views;
}

Status RedisLook::scan(const std::string& pattern,
                       const std::function<Status(const std::vector<std::string>&)>& each) {
  std::string cursor = "0";
  do {
    const auto reply = redis_.command({"SCAN", cursor, "MATCH", prefix_ + pattern, "COUNT", "500"});
    if (!reply) return fail(reply.error());
    cursor = reply->elements.at(0).text;
    std::vector<std::string> keys;
    for (const auto& key : reply->elements.at(1).elements)
      keys.push_back(key.text.substr(prefix_.size()));
    if (keys.empty()) continue;
    if (auto status = each(keys); !status) return status;
  } while (cursor != "0");
  return {};
}

Status RedisLook::check_records(const std::vector<std::string>& job_ids,
                                std::vector<Drift>& drifts) {
  static const RedisScript script(with_waiting_sets(misplaced_script));
  const auto reply = eval(script, job_ids);
  if (!reply) return fail(reply.error());
  const auto& found = reply->elements;
  for (std::size_t i = 0; i + 2 < found.size(); i += 3) {
    const auto& set = found[i + 1].text;
    drifts.push_back({"record",
                      "job " + found[i].text,
                      set == "record" ? "a record that can be read" : "a place in " + set,
                      found[i + 2].text.empty() ? "none" : found[i + 2].text,
                      {found[i].text},
                      false});
  }
  return {};
}

}  // namespace oppen::core
