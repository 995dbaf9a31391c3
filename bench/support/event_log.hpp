#pragma once
// What the scheduler says on `job-events`, with the moment at which this program saw it. A thread
// of its own reads the topic from where it ends at construction; values are not parsed, so that
// reading stays far faster than publishing. Any thread may ask.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "bench/support/samples.hpp"
#include "producers/client/kafka.hpp"
#include "schemas/time.hpp"

namespace oppen::bench {

class EventLog {
 public:
  struct Event {
    SteadyClock::time_point seen;
    Time at{};       // the event's own time, by the scheduler's clock
    std::string id;  // of the job or batch
  };

  explicit EventLog(const client::KafkaSettings& kafka);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // The first event of this type about this id, as soon as it is there. A refusal of the job or
  // batch, or none within the deadline, ends the program.
  SteadyClock::time_point wait(std::string_view type, const std::string& id,
                               std::chrono::seconds deadline = std::chrono::seconds{30});
  // Until there are `count` events of this type.
  void wait_count(std::string_view type, std::size_t count, std::chrono::seconds deadline);
  std::size_t count(std::string_view type) const;
  // All of this type so far, in the order of their arrival.
  std::vector<Event> events(std::string_view type) const;

 private:
  void read(const std::stop_token& stop);
  // Ends the program when the scheduler has refused something.
  void check_refusal() const;

  std::unique_ptr<client::Consumer> consumer_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<Event>, std::less<>> by_type_;
  std::unordered_map<std::string, SteadyClock::time_point> first_;  // "type id"
  std::string refusal_;
  std::jthread thread_;
};

}  // namespace oppen::bench
