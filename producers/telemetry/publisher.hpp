#pragma once
// Puts samples on the bus, by way of a DiskBuffer: what is published is on disk first, goes to Kafka in order, and leaves the disk when
// the broker has acknowledged it. While Kafka is away the buffer fills. After trouble or a crash some records may come twice, with the
// same ce_id.
//
// publish() and the questions are for any thread; a thread of its own sends.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "producers/client/kafka.hpp"
#include "producers/telemetry/disk_buffer.hpp"
#include "schemas/cloud_event.hpp"

namespace oppen::telemetry {

class Publisher {
 public:
  // Errors: invalid (a property that librdkafka refuses), fatal (the buffer, see DiskBuffer::open).
  static Result<std::unique_ptr<Publisher>> start(const client::KafkaSettings& kafka,
                                                  const std::string& buffer_dir,
                                                  std::uint64_t buffer_bytes);
  // Gives the broker 5 seconds for what is waiting, if it is there; the rest stays on disk.
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Errors: unavailable (the disk refuses: the records are dropped and counted).
  Status publish(const std::vector<KafkaRecord>& records);

  // Whether the broker takes what it is sent. Errors: unavailable, and as the broker said.
  Status status() const;
  std::uint64_t waiting() const;        // records that are not acknowledged
  std::uint64_t waiting_bytes() const;  // of the buffer's files
  // Since the start: too old for the buffer, or refused by disk or broker for good.
  std::uint64_t dropped() const;
  std::uint64_t acknowledged() const { return acknowledged_; }

 private:
  struct InFlight {
    DiskBuffer::Position next;
    bool done = false;
  };

  Publisher(std::unique_ptr<DiskBuffer> buffer, std::unique_ptr<client::Producer> producer);
  void run(const std::stop_token& stop);
  // Sends the next record. False when there is none, or none can be sent now.
  bool send_next(std::unique_lock<std::mutex>& lock);
  // Takes those off whose fate is known, up to the first whose is not.
  void settle();
  void on_delivery(std::uint64_t number, const Result<client::Delivery>& delivery);
  // All that is not acknowledged is to be sent again.
  void begin_again(std::unique_lock<std::mutex>& lock);

  const std::unique_ptr<DiskBuffer> buffer_;  // by mutex_
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<InFlight> in_flight_;     // in the order of sending
  std::uint64_t first_in_flight_ = 0;  // the number of its front
  std::size_t unreported_ = 0;         // of them, those whose fate the producer has not told
  DiskBuffer::Position cursor_;        // what is sent next
  std::optional<Error> trouble_;       // of a delivery, until one succeeds
  bool failed_ = false;                // a delivery since the last beginning
  std::uint64_t refused_ = 0;          // for good
  std::atomic<std::uint64_t> acknowledged_{0};
  std::unique_ptr<client::Producer> producer_;  // its callbacks use the above
  std::jthread thread_;
};

}  // namespace oppen::telemetry
