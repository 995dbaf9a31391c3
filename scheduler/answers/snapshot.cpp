#include "scheduler/answers/snapshot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "scheduler/queue/keys.hpp"
#include "scheduler/queue/record.hpp"

namespace oppen::answers {
namespace {

using runtime::Redis;
using runtime::RedisScript;

// Jobs in one call: Redis does nothing else for a millisecond or so.
constexpr std::size_t at_once = 500;
constexpr std::size_t records_at_once = 100;      // whole ones
constexpr std::int64_t usual_grace_seconds = 30;  // where a model's pod template says nothing else

std::vector<std::string> all_sets() {
  std::vector<std::string> sets;
  for (const auto priority : all_priorities) {
    for (const auto* set : queue::waiting_sets)
      sets.push_back(std::string(set) + queue::letter(priority));
  }
  return sets;
}

// ARGV  prefix, set, the place behind which to go on (ranks move when jobs are launched meanwhile), how many. Returns {id, head, ...}.
constexpr auto page_script = R"(
local p, set = ARGV[1], ARGV[2]
local ids = redis.call('ZRANGEBYSCORE', p .. set, '(' .. ARGV[3], '+inf', 'LIMIT', 0, ARGV[4])
local found = {}
for i, id in ipairs(ids) do
  found[2 * i - 1] = id
  found[2 * i] = string.match(redis.call('GETRANGE', p .. 'job:' .. id, 0, 250), '^[^\n]*')
end
return found)";

// ARGV  prefix, ids. Returns {head, ...}.
constexpr auto heads_script = R"(
local heads = {}
for i = 2, #ARGV do
  heads[i - 1] = string.match(redis.call('GETRANGE', ARGV[1] .. 'job:' .. ARGV[i], 0, 250), '^[^\n]*')
end
return heads)";

// Calls `use` with so many at a time.
template <class T, class Use>
Status in_pieces(const std::vector<T>& all, std::size_t most, Use use) {
  const std::span<const T> rest(all);
  for (std::size_t begin = 0; begin < rest.size(); begin += most) {
    if (auto status = use(rest.subspan(begin, std::min(most, rest.size() - begin))); !status)
      return status;
  }
  return {};
}

}  // namespace

plan::View Snapshot::view() const {
  plan::View view;
  view.now = situation.at;
  view.backfill = situation.policy->backfill_enabled;
  view.paused = situation.policy->queue_paused;
  view.paused_until = situation.paused_until;
  view.capacity = situation.capacity;
  view.overhead = situation.overhead;
  view.running = situation.running;
  view.waiting = list->waiting();
  view.dependencies = list->dependencies();
  view.off_peak = off_peak;
  return view;
}

std::string Snapshot::name_of(std::size_t index) const {
  if (index < list->size()) return std::string(list->job_id(index));
  return situation.live[index - list->size()].job_id;
}

QueueLook::QueueLook(Redis& redis, const std::string& topic_prefix)
    : redis_(redis), prefix_(queue::key_prefix(topic_prefix)) {}

Result<std::shared_ptr<const Snapshot>> QueueLook::read(const Ask& ask,
                                                        const std::function<bool()>& stopped) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->begun = std::chrono::steady_clock::now();
  const auto jobs = how_many();
  if (!jobs) return fail(jobs.error());
  auto list = std::make_shared<WaitingList>();
  list->reserve(*jobs);
  std::vector<std::string> dependents;
  for (const auto& set : all_sets()) {
    if (auto status = read_set(set, *list, dependents, stopped); !status)
      return fail(status.error());
  }
  if (auto status = read_dependencies(dependents, *list); !status) return fail(status.error());

  // Last, so that what was launched meanwhile is known to run.
  snapshot->situated = std::chrono::steady_clock::now();
  auto situation = ask();
  if (!situation) return fail(situation.error());
  snapshot->situation = std::move(*situation);
  std::vector<Rank> live;
  live.reserve(snapshot->situation.live.size());
  for (const auto& job : snapshot->situation.live) live.push_back({job.priority, job.place});
  list->finish(live);
  // What a launch may take before the run begins, and the pod to end after it, as core's Bounds have it.
  list->lengthen_limits(snapshot->situation.policy->launch_timeout_seconds + usual_grace_seconds);
  snapshot->list = std::move(list);
  snapshot->off_peak =
      plan::windows(snapshot->situation.at, window_days, *snapshot->situation.cost_model);
  snapshot->took = std::chrono::steady_clock::now() - snapshot->begun;
  return snapshot;
}

Result<std::size_t> QueueLook::how_many() {
  std::vector<Redis::Args> commands;
  for (const auto& set : all_sets()) commands.push_back({"ZCARD", prefix_ + set});
  const auto replies = redis_.pipeline(commands);
  if (!replies) return fail(replies.error());
  std::size_t jobs = 0;
  for (const auto& reply : *replies) jobs += static_cast<std::size_t>(reply.integer);
  return jobs;
}

Status QueueLook::read_set(const std::string& set, WaitingList& list,
                           std::vector<std::string>& dependents,
                           const std::function<bool()>& stopped) {
  static const RedisScript script(page_script);
  std::int64_t from = -1;
  while (true) {
    if (stopped()) return fail(ErrorKind::unavailable, "stopping");
    const auto reply = redis_.eval(script, {prefix_ + "meta"},
                                   {prefix_, set, std::to_string(from), std::to_string(at_once)});
    if (!reply) return fail(reply.error());
    const auto& found = reply->elements;
    const auto before = from;
    for (std::size_t i = 0; i + 1 < found.size(); i += 2) {
      const auto head = read_head(found[i + 1].text);
      if (!head || head->state != JobState::queued) continue;  // it has gone on meanwhile
      list.add(found[i].text, *head);
      if (head->hold == queue::Hold::dependency) dependents.push_back(found[i].text);
      from = std::max(from, head->place);
    }
    if (found.size() < 2 * at_once) return {};
    if (from == before) return fail(ErrorKind::fatal, "no record of " + set + " can be read");
  }
}

Result<std::vector<std::string>> QueueLook::heads(const std::vector<std::string>& job_ids) {
  static const RedisScript script(heads_script);
  std::vector<std::string> heads;
  heads.reserve(job_ids.size());
  auto status = in_pieces(job_ids, at_once, [&](std::span<const std::string> ids) -> Status {
    Redis::Args args{prefix_};
    args.insert(args.end(), ids.begin(), ids.end());
    auto reply = redis_.eval(script, {prefix_ + "meta"}, args);
    if (!reply) return fail(reply.error());
    for (auto& element : reply->elements) heads.push_back(std::move(element.text));
    return {};
  });
  if (!status) return fail(status.error());
  return heads;
}

// Whom a job waits for stands in the detail of its record.
Status QueueLook::read_dependencies(const std::vector<std::string>& dependents, WaitingList& list) {
  return in_pieces(dependents, records_at_once, [&](std::span<const std::string> ids) -> Status {
    Redis::Args get{"MGET"};
    for (const auto& id : ids) get.push_back(prefix_ + "job:" + id);
    const auto records = redis_.command(get);
    if (!records) return fail(records.error());
    std::vector<std::string> on;
    std::vector<std::pair<Rank, std::size_t>> of;  // and how many of `on`
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto& text = records->elements.at(i);
      if (text.is_nil()) continue;
      const auto record = queue::decode(ids[i], text.text);
      if (!record) return fail(record.error());
      of.emplace_back(Rank{record->priority, record->place}, record->spec.after.size());
      on.insert(on.end(), record->spec.after.begin(), record->spec.after.end());
    }
    const auto found = heads(on);
    if (!found) return fail(found.error());
    auto next = found->begin();
    for (const auto& [rank, count] : of) {
      std::vector<Rank> open;
      for (std::size_t i = 0; i < count; ++i, ++next) {
        const auto head = read_head(*next);
        if (head && !is_terminal(head->state)) open.push_back(head->rank());
      }
      list.depend(rank, std::move(open));
    }
    return {};
  });
}

}  // namespace oppen::answers
