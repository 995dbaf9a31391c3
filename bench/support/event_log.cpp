#include "bench/support/event_log.hpp"

#include "bench/support/must.hpp"
#include "schemas/job_events.hpp"
#include "schemas/topics.hpp"

namespace oppen::bench {
namespace {

using namespace std::chrono_literals;

std::string header(const client::ConsumedRecord& record, std::string_view name) {
  for (const auto& [key, value] : record.record.headers) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace

EventLog::EventLog(const client::KafkaSettings& kafka)
    : consumer_(must(client::Consumer::create(kafka, ""), "reading job-events")) {
  const std::string topic(topics::job_events);
  const int partitions = must(consumer_->partition_count(topic, 10s), "reading job-events");
  std::map<client::TopicPartition, std::int64_t> offsets;
  for (int partition = 0; partition < partitions; ++partition) {
    offsets[{topic, partition}] =
        must(consumer_->watermarks({topic, partition}, 10s), "reading job-events").high;
  }
  must(consumer_->assign(offsets), "reading job-events");
  thread_ = std::jthread([this](const std::stop_token& stop) { read(stop); });
}

EventLog::~EventLog() {
  thread_.request_stop();
  consumer_->wake();
  thread_.join();
}

void EventLog::read(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto record = must(consumer_->poll(500ms), "reading job-events");
    if (!record) continue;
    const auto seen = SteadyClock::now();
    auto type = header(*record, "ce_type");
    const auto at = parse_rfc3339(header(*record, "ce_time"));
    const std::lock_guard lock(mutex_);
    if ((type == JobRejected::type || type == BatchRejected::type) && refusal_.empty())
      refusal_ = record->record.value.value_or("");
    first_.emplace(type + ' ' + record->record.key, seen);
    by_type_[std::move(type)].push_back({seen, at.value_or(Time{}), record->record.key});
    changed_.notify_all();
  }
}

void EventLog::check_refusal() const {
  if (!refusal_.empty()) give_up("waiting for an event", "the scheduler refused: " + refusal_);
}

SteadyClock::time_point EventLog::wait(std::string_view type, const std::string& id,
                                       std::chrono::seconds deadline) {
  const auto key = std::string(type) + ' ' + id;
  std::unique_lock lock(mutex_);
  const bool come = changed_.wait_for(lock, deadline, [&] {
    check_refusal();
    return first_.contains(key);
  });
  if (!come)
    give_up("waiting for " + key, "not there within " + std::to_string(deadline.count()) + " s");
  return first_.at(key);
}

void EventLog::wait_count(std::string_view type, std::size_t wanted,
                          std::chrono::seconds deadline) {
  std::unique_lock lock(mutex_);
  const auto found = [&] {
    const auto events = by_type_.find(type);
    return events == by_type_.end() ? 0 : events->second.size();
  };
  const bool come = changed_.wait_for(lock, deadline, [&] {
    check_refusal();
    return found() >= wanted;
  });
  if (!come) {
    give_up(
        "waiting for " + std::to_string(wanted) + " events " + std::string(type),
        "only " + std::to_string(found()) + " within " + std::to_string(deadline.count()) + " s");
  }
}

std::size_t EventLog::count(std::string_view type) const {
  const std::lock_guard lock(mutex_);
  const auto events = by_type_.find(type);
  return events == by_type_.end() ? 0 : events->second.size();
}

std::vector<EventLog::Event> EventLog::events(std::string_view type) const {
  const std::lock_guard lock(mutex_);
  const auto events = by_type_.find(type);
  return events == by_type_.end() ? std::vector<Event>() : events->second;
}

}  // namespace oppen::bench
