#include "workers/cost/worker/publisher.hpp"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "schemas/parse.hpp"
#include "schemas/topics.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

// Shared with the producer's callbacks, which may come after nobody waits any more.
struct Deliveries {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t open = 0;
  std::string error;
  std::map<int, std::int64_t> next;

  void end(const Result<client::Delivery>& delivery) {
    const std::lock_guard lock(mutex);
    --open;
    if (delivery) {
      auto& behind = next[delivery->partition];
      behind = std::max(behind, delivery->offset + 1);
    } else {
      error = delivery.error().message;
    }
    if (open == 0) changed.notify_all();
  }
};

KafkaRecord record_of(const Charge& charge) {
  CloudEvent event;
  event.id = charge.id;
  event.source = "/oppen/cost";
  event.type = CostAccrued::type;
  event.time = charge.event.interval_end;  // the same whenever it is published
  const auto& key = charge.event.job_id.empty() ? charge.event.run_id : charge.event.job_id;
  event.subject = key;
  return encode(event, key, to_text(charge.event));
}

}  // namespace

Result<std::map<int, std::int64_t>> Publisher::publish(
    const std::vector<std::pair<int, const Charge*>>& charges, const std::function<bool()>& go_on) {
  const auto deliveries = std::make_shared<Deliveries>();
  const auto stopped = [] {
    return fail(ErrorKind::unavailable, "stopped before Kafka had acknowledged all charges");
  };
  for (const auto& [partition, charge] : charges) {
    const auto record = record_of(*charge);
    while (true) {
      {
        const std::lock_guard lock(deliveries->mutex);
        ++deliveries->open;
      }
      const auto sent = producer_.send(
          topics::costs, record,
          [deliveries](const Result<client::Delivery>& delivery) { deliveries->end(delivery); },
          partition);
      if (sent) break;
      {
        const std::lock_guard lock(deliveries->mutex);
        --deliveries->open;
      }
      if (sent.error().kind != ErrorKind::unavailable)
        return fail(ErrorKind::fatal, "a charge can't be published: " + sent.error().message);
      if (!go_on()) return stopped();
      std::this_thread::sleep_for(10ms);
    }
  }
  std::unique_lock lock(deliveries->mutex);
  while (!deliveries->changed.wait_for(lock, 100ms, [&] { return deliveries->open == 0; })) {
    lock.unlock();
    const bool more = go_on();
    lock.lock();
    if (!more) return stopped();
  }
  if (!deliveries->error.empty()) return fail(ErrorKind::unavailable, deliveries->error);
  return deliveries->next;
}

}  // namespace oppen::cost
