#include "scheduler/queue/outbox_relay.hpp"

#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
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

// Of up to some 256 KiB each: what is in memory at a time is bounded by this.
constexpr auto read_chunk = "100";
constexpr std::int64_t list_chunk = 1000;

std::pair<std::uint64_t, std::uint64_t> split_id(const std::string& id) {
  char* dash = nullptr;
  const auto milliseconds = std::strtoull(id.c_str(), &dash, 10);
  return {milliseconds, *dash == '-' ? std::strtoull(dash + 1, nullptr, 10) : 0};
}

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
    changed.notify_all();
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

  // Hands one entry to the producer, waiting while its queue is full.
  Status send(std::string_view text) {
    const auto entry = decode_entry(text);
    if (!entry) return fail(entry.error());
    CloudEvent event;
    event.id = entry->id;
    event.source = options.source;
    event.type = entry->type;
    event.time = entry->time;
    event.subject = entry->key;
    const auto record = encode(event, entry->key, entry->data);
    const bool job_event = entry->topic == topics::job_events;
    while (!expired()) {
      deliveries->begin();
      const auto sent =
          producer.send(entry->topic, record,
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

  Status send_list(const std::string& key) {
    for (std::int64_t begin = 0;; begin += list_chunk) {
      const auto events = redis->command(
          {"LRANGE", prefix + key, std::to_string(begin), std::to_string(begin + list_chunk - 1)});
      if (!events) return fail(events.error());
      for (const auto& event : events->elements) {
        if (auto status = send(event.text); !status) return status;
      }
      if (events->elements.size() < static_cast<std::size_t>(list_chunk)) return {};
    }
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

  Status remove(const std::vector<std::string>& ids, const std::vector<std::string>& lists) {
    static const runtime::RedisScript script(lua::acknowledge);
    Redis::Args args{prefix, std::to_string(options.epoch), std::to_string(ids.size())};
    args.insert(args.end(), ids.begin(), ids.end());
    args.push_back(std::to_string(lists.size()));
    args.insert(args.end(), lists.begin(), lists.end());
    {
      std::lock_guard lock(deliveries->mutex);
      for (const auto& [partition, next] : std::exchange(deliveries->next_job_event, {})) {
        args.push_back(std::to_string(partition));
        args.push_back(std::to_string(next));
      }
    }
    const auto left = redis->eval(script, {prefix + "meta"}, args);
    if (!left) return fail(left.error());
    length.set(static_cast<double>(left->integer));
    return {};
  }

  // One chunk: read, publish, wait, remove. false when there was nothing.
  Result<bool> turn() {
    Redis::Args read{"XREAD", "COUNT", read_chunk};
    if (!closing) read.insert(read.end(), {"BLOCK", "500"});
    read.insert(read.end(), {"STREAMS", prefix + "outbox", "0"});
    const auto reply = redis->command(read);
    if (!reply) return fail(reply.error());
    if (reply->is_nil() || reply->elements.empty()) {
      length.set(0);
      return false;
    }
    std::vector<std::string> ids;
    std::vector<std::string> lists;
    for (const auto& entry : reply->elements.at(0).elements.at(1).elements) {
      ids.push_back(entry.elements.at(0).text);
      const auto& fields = entry.elements.at(1).elements;
      const bool is_list = fields.at(0).text == "l";
      if (is_list) lists.push_back(fields.at(1).text);
      const auto sent = is_list ? send_list(fields.at(1).text) : send(fields.at(1).text);
      if (!sent) return fail(sent.error());
    }
    if (auto status = wait_for_deliveries(); !status) return fail(status.error());
    if (auto status = remove(ids, lists); !status) return fail(status.error());
    published(ids.back());
    return true;
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
      if (worked.error().kind != ErrorKind::unavailable) {
        failed(worked.error());
        return;
      }
      if (trouble.begin_or_due()) spdlog::warn("the outbox waits: {}", worked.error().message);
      // What is still in flight must land before the chunk is read again.
      [[maybe_unused]] const auto landed = wait_for_deliveries();
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
