#include "scheduler/queue/outbox_relay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "scheduler/queue/keys.hpp"
#include "scheduler/queue/lua_scripts.hpp"
#include "scheduler/queue/outbox_entry.hpp"
#include "schemas/topics.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::queue {
namespace {

using namespace std::chrono_literals;
using runtime::Redis;

// What is in memory at a time is bounded by these: entries of up to some 256 KiB each, or a list's events, which are small.
constexpr std::size_t read_chunk = 100;
constexpr std::int64_t list_chunk =
    600;  // events of lists in a round: what is newer waits that long
// Nothing newer is read while so much waits.
constexpr std::size_t max_kept_back = 4000;
constexpr std::size_t max_lists = 16;
constexpr std::size_t most_gathered_bytes = 1 << 20;
// A round costs the broker a request for each partition that it has events for, however few. So the more events come a second, the
// further apart rounds begin: 5 ms for each thousand of them.
constexpr double round_seconds_by_rate = 5e-6;
constexpr double longest_round_seconds = 0.05;

std::pair<std::uint64_t, std::uint64_t> split_id(const std::string& id) {
  char* dash = nullptr;
  const auto milliseconds = std::strtoull(id.c_str(), &dash, 10);
  return {milliseconds, *dash == '-' ? std::strtoull(dash + 1, nullptr, 10) : 0};
}

// The greatest id that is not `id` and not after it.
std::string id_before(const std::string& id) {
  const auto [milliseconds, number] = split_id(id);
  return number > 0 ? fmt::format("{}-{}", milliseconds, number - 1)
                    : fmt::format("{}-{}", milliseconds - 1, UINT64_MAX);
}

// An entry of the outbox as Redis gives it.
struct Entry {
  std::string id;
  bool is_list = false;
  std::string text;    // the event; of a list: its key in Redis
  std::string before;  // of a list: the keys whose later events must not overtake it
};

// Events of a batch's jobs, of which some are sent.
struct EventList {
  std::string entry_id;
  std::string redis_key;
  // Hashes of the keys of its jobs, and of their batch, sorted. Two keys of one hash would only make an event wait in vain.
  std::vector<std::size_t> keys;
  std::int64_t length = 0;
  std::int64_t sent = 0;
};

std::size_t key_hash(std::string_view key) { return std::hash<std::string_view>()(key); }

EventList list_of(const std::string& entry_id, const std::string& redis_key,
                  const std::string& before) {
  EventList list{entry_id, redis_key, {}, -1, 0};
  for (std::string_view rest = before; !rest.empty();) {
    const auto end = std::min(rest.find(' '), rest.size());
    if (end > 0) list.keys.push_back(key_hash(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  list.length = std::ssize(list.keys) - 1;  // one event a job
  std::sort(list.keys.begin(), list.keys.end());
  return list;
}

struct Gathered {
  std::string topic;
  KafkaRecord record;
};

// What became of the records in flight. Shared with the producer's callbacks, which may come after
// the relay is gone.
struct Deliveries {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t in_flight = 0;
  std::string error;
  std::map<int, std::int64_t>
      next_job_event;  // partition -> offset after the last acknowledged job event

  void begin() {
    std::lock_guard lock(mutex);
    ++in_flight;
  }
  void withdraw() {
    std::lock_guard lock(mutex);
    --in_flight;
  }
  void end(const Result<client::Delivery>& result, bool job_event) {
    std::lock_guard lock(mutex);
    --in_flight;
    if (!result) {
      error = result.error().message;
    } else if (job_event) {
      auto& next = next_job_event[result->partition];
      next = std::max(next, result->offset + 1);
    }
    if (in_flight == 0) changed.notify_all();
  }
};

}  // namespace

bool outbox_id_reached(const std::string& a, const std::string& b) {
  return split_id(a) <= split_id(b);
}

struct OutboxRelay::Impl {
  using SteadyClock = std::chrono::steady_clock;

  Options options;
  std::string prefix;
  client::Producer& producer;
  std::unique_ptr<Redis> redis;
  std::function<void(const std::string&)> published;
  std::function<void(const Error&)> failed;
  runtime::Gauge& length;
  std::atomic<bool> closing{false};
  std::atomic<SteadyClock::rep> closing_deadline{0};
  std::shared_ptr<Deliveries> deliveries = std::make_shared<Deliveries>();
  std::string last_read = "0";     // id of an outbox entry
  std::deque<EventList> lists;     // that are not sent to their end, in order
  std::vector<Gathered> gathered;  // for the producer
  std::size_t gathered_bytes = 0;
  std::vector<std::pair<std::string, OutboxEntry>> kept_back;  // by outbox id; wait for a list
  std::vector<std::string> done;                               // ids sent and not removed yet
  std::vector<std::string> done_lists;                         // their keys in Redis
  bool redis_lost = false;
  double rate = 0;  // of events a second, as measured last
  std::size_t measured_events = 0;
  SteadyClock::time_point measured_since;
  std::thread thread;

  Impl(Options given, client::Producer& a_producer, std::unique_ptr<Redis> a_redis,
       runtime::Metrics& metrics)
      : options(std::move(given)),
        prefix(key_prefix(options.topic_prefix)),
        producer(a_producer),
        redis(std::move(a_redis)),
        length(metrics.gauge("oppen_outbox_length",
                             "Events in Redis that the broker has not acknowledged yet")) {}

  // The time given to the last entries is over.
  bool expired() const {
    return closing && SteadyClock::now().time_since_epoch().count() > closing_deadline;
  }

  Status send_text(std::string_view text) {
    const auto entry = decode_entry(text);
    return entry ? send(*entry) : fail(entry.error());
  }

  // Hands one entry to the producer, with others: one that follows a millisecond later would be a request of its own to its partition.
  Status send(const OutboxEntry& entry) {
    CloudEvent event;
    event.id = entry.id;
    event.source = options.source;
    event.type = entry.type;
    event.time = entry.time;
    event.subject = entry.key;
    gathered.push_back({entry.topic, encode(event, entry.key, entry.data)});
    gathered_bytes += entry.data.size();
    return gathered_bytes < most_gathered_bytes ? Status() : send_gathered();
  }

  Status send_gathered() {
    gathered_bytes = 0;
    measured_events += gathered.size();
    for (const auto& event : std::exchange(gathered, {})) {
      if (auto status = hand_over(event); !status) return status;
    }
    return {};
  }

  // Waits while the producer's queue is full.
  Status hand_over(const Gathered& event) {
    const bool job_event = event.topic == topics::job_events;
    while (!expired()) {
      deliveries->begin();
      const auto sent =
          producer.send(event.topic, event.record,
                        [shared = deliveries, job_event](const Result<client::Delivery>& result) {
                          shared->end(result, job_event);
                        });
      if (sent) return {};
      deliveries->withdraw();
      if (sent.error().kind != ErrorKind::unavailable) {
        return fail(ErrorKind::fatal,
                    "an event in the outbox can't be published: " + sent.error().message);
      }
      std::this_thread::sleep_for(5ms);
    }
    return fail(ErrorKind::unavailable, "closing");
  }

  // Until everything handed over is acknowledged.
  Status wait_for_deliveries() {
    std::unique_lock lock(deliveries->mutex);
    while (deliveries->in_flight > 0) {
      deliveries->changed.wait_for(lock, 100ms);
      if (expired()) return fail(ErrorKind::unavailable, "closing");
    }
    if (deliveries->error.empty()) return {};
    return fail(ErrorKind::unavailable, std::exchange(deliveries->error, {}));
  }

  Status deliver() {
    auto status = send_gathered();
    return status ? wait_for_deliveries() : status;
  }

  // A Redis that was away may be another one when it is back: older, with entries that are on the bus already. To publish them and
  // note how far the bus reaches would hide what Redis has forgotten, so a new term has to look first.
  tl::unexpected<Error> lost(const Error& error) {
    redis_lost = true;
    return fail(error);
  }

  Status remove_done() {
    static const runtime::RedisScript script(lua::acknowledge);
    if (done.empty()) return {};
    Redis::Args args{prefix, std::to_string(options.epoch), std::to_string(done.size())};
    args.insert(args.end(), done.begin(), done.end());
    args.push_back(std::to_string(done_lists.size()));
    args.insert(args.end(), done_lists.begin(), done_lists.end());
    {
      std::lock_guard lock(deliveries->mutex);
      for (const auto& [partition, next] : std::exchange(deliveries->next_job_event, {})) {
        args.push_back(std::to_string(partition));
        args.push_back(std::to_string(next));
      }
    }
    const auto left = redis->eval(script, {prefix + "meta"}, args);
    if (!left) return lost(left.error());
    length.set(static_cast<double>(left->integer));
    done.clear();
    done_lists.clear();
    return {};
  }

  // Sends an entry, or keeps it back while a list before it has events of the same job to send: order holds for each job.
  Status take(Entry entry) {
    if (entry.is_list) {
      lists.push_back(list_of(entry.id, entry.text, entry.before));
      return {};
    }
    auto event = decode_entry(entry.text);
    if (!event) return fail(event.error());
    if (must_wait(*event)) {
      kept_back.push_back({std::move(entry.id), std::move(*event)});
      return {};
    }
    done.push_back(std::move(entry.id));
    return send(*event);
  }

  bool must_wait(const OutboxEntry& event) const {
    return std::any_of(lists.begin(), lists.end(),
                       [hash = key_hash(event.key)](const EventList& list) {
                         return std::binary_search(list.keys.begin(), list.keys.end(), hash);
                       });
  }

  // A chunk of the lists, in their order; after the end of some, what was kept back for them.
  Status send_of_lists() {
    bool ended = false;
    for (std::int64_t room = list_chunk; room > 0 && !lists.empty();) {
      auto& list = lists.front();
      const auto events =
          redis->command({"LRANGE", prefix + list.redis_key, std::to_string(list.sent),
                          std::to_string(list.sent + room - 1)});
      if (!events) return lost(events.error());
      for (const auto& event : events->elements) {
        if (auto status = send_text(event.text); !status) return status;
      }
      const auto sent = static_cast<std::int64_t>(events->elements.size());
      list.sent += sent;
      if (list.sent < list.length) {
        if (sent == room) break;
        return fail(ErrorKind::fenced, "Redis has lost events of the outbox");
      }
      room -= sent;
      done.push_back(std::move(list.entry_id));
      done_lists.push_back(std::move(list.redis_key));
      lists.pop_front();
      ended = true;
    }
    return ended ? send_kept_back() : Status();
  }

  Status send_kept_back() {
    // What a list holds is on the bus before anything that tells of it.
    if (auto status = deliver(); !status) return status;
    for (auto kept = std::exchange(kept_back, {}); auto& [id, event] : kept) {
      if (must_wait(event)) {
        kept_back.push_back({std::move(id), std::move(event)});
        continue;
      }
      done.push_back(std::move(id));
      if (auto status = send(event); !status) return status;
    }
    return {};
  }

  // Reads what is new, waiting for it when there is nothing else to do.
  Result<std::vector<Entry>> read() {
    if (kept_back.size() > max_kept_back || lists.size() > max_lists) return std::vector<Entry>();
    Redis::Args args{"XREAD", "COUNT", std::to_string(read_chunk)};
    if (!closing && lists.empty()) args.insert(args.end(), {"BLOCK", "500"});
    args.insert(args.end(), {"STREAMS", prefix + "outbox", last_read});
    const auto reply = redis->command(args);
    if (!reply) return lost(reply.error());
    std::vector<Entry> entries;
    if (reply->is_nil() || reply->elements.empty()) return entries;
    for (const auto& element : reply->elements.at(0).elements.at(1).elements) {
      const auto& fields = element.elements.at(1).elements;
      const bool is_list = fields.at(0).text == "l";
      entries.push_back({element.elements.at(0).text, is_list, fields.at(1).text,
                         is_list ? fields.at(3).text : std::string()});
    }
    last_read = entries.back().id;
    return entries;
  }

  // Sleeps until the next round may begin, if this one had room for more.
  void pace(SteadyClock::time_point began, bool room_left) {
    using Seconds = std::chrono::duration<double>;
    if (const Seconds measured = began - measured_since; measured > 100ms) {
      rate = static_cast<double>(std::exchange(measured_events, 0)) / measured.count();
      measured_since = began;
    }
    const Seconds apart(std::min(rate * round_seconds_by_rate, longest_round_seconds));
    if (!room_left || closing) return;
    std::this_thread::sleep_until(began + std::chrono::duration_cast<SteadyClock::duration>(apart));
  }

  // One round: read, publish, wait, remove; of a long list a chunk, so that what is newer does not wait for all of it. false when there
  // was nothing.
  Result<bool> turn() {
    auto entries = read();
    if (!entries) return fail(entries.error());
    const auto began = SteadyClock::now();
    const bool room_left = entries->size() < read_chunk && lists.empty();
    if (entries->empty() && lists.empty()) {
      length.set(0);
      return false;
    }
    const auto lists_before = lists.size();
    for (auto& entry : *entries) {
      if (auto status = take(std::move(entry)); !status) return fail(status.error());
    }
    // Redis stood still while a long list was made: what waited for that comes first, in the next round.
    const bool long_one_begins =
        lists.size() > lists_before && lists.back().length > list_chunk && lists_before == 0;
    if (!long_one_begins) {
      if (auto status = send_of_lists(); !status) return fail(status.error());
    }
    if (auto status = deliver(); !status) return fail(status.error());
    if (auto status = remove_done(); !status) return fail(status.error());
    // What is kept back waits for a list, which stands before it.
    published(lists.empty() ? last_read : id_before(lists.front().entry_id));
    pace(began, room_left && lists.empty());
    return true;
  }

  // What is not acknowledged is read again.
  void begin_again() {
    last_read = "0";
    gathered.clear();
    gathered_bytes = 0;
    lists.clear();
    kept_back.clear();
    done.clear();
    done_lists.clear();
  }

  void run() {
    runtime::Recurring trouble;
    while (!expired()) {
      const auto worked = turn();
      if (worked) {
        if (trouble.end()) spdlog::info("the outbox drains again");
        if (closing && !*worked) return;
        continue;
      }
      if (redis_lost || worked.error().kind != ErrorKind::unavailable) {
        // What stands before an entry that can't be published is as good as ever.
        if (!redis_lost) static_cast<void>(send_gathered());
        failed(worked.error());
        return;
      }
      if (trouble.begin_or_due()) spdlog::warn("the outbox waits: {}", worked.error().message);
      // What is still in flight must land before it is read again.
      [[maybe_unused]] const auto landed = wait_for_deliveries();
      begin_again();
      if (!expired()) std::this_thread::sleep_for(200ms);
    }
  }
};

OutboxRelay::OutboxRelay(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<OutboxRelay>> OutboxRelay::start(
    Options options, client::Producer& producer, runtime::Metrics& metrics,
    std::function<void(const std::string&)> published, std::function<void(const Error&)> failed) {
  auto redis = Redis::create(options.redis_url);
  if (!redis) return fail(redis.error());
  auto impl = std::make_unique<Impl>(std::move(options), producer, std::move(*redis), metrics);
  impl->published = std::move(published);
  impl->failed = std::move(failed);
  auto* raw = impl.get();
  impl->thread = std::thread([raw] { raw->run(); });
  return std::unique_ptr<OutboxRelay>(new OutboxRelay(std::move(impl)));
}

OutboxRelay::~OutboxRelay() {
  impl_->closing_deadline = (Impl::SteadyClock::now() + 5s).time_since_epoch().count();
  impl_->closing = true;
  impl_->thread.join();
}

}  // namespace oppen::queue
