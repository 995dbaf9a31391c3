#pragma once
// Waits for what the scheduler says about a command. Only the one partition of `job-events` is read
// that the answer can come on, from where it ended before the command was sent:
//
//   auto from = answers->prepare(job_id, 5s);
//   client->submit(spec);
//   auto event = answers->wait(job_id, *from, [](const CloudEvent& e) { return e.type ==
//   JobQueued::type || ...; }, 30s);
//
// One thread at a time.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "producers/client/kafka.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/error.hpp"

namespace oppen::client {

class Answers {
 public:
  struct Position {
    int partition = 0;
    std::int64_t offset = 0;
  };

  // Errors: invalid (a property librdkafka refuses).
  static Result<std::unique_ptr<Answers>> create(const KafkaSettings& settings);
  ~Answers();

  // Where the answers about `id` (a job or batch) will come from, as of now. Call it before the
  // command is sent. Errors: unavailable at the deadline; not_found (no such topic).
  Result<Position> prepare(const std::string& id, std::chrono::milliseconds deadline);
  // Everything that is kept about `id`, for one whose command was sent earlier. Errors: as prepare.
  Result<Position> from_beginning(const std::string& id, std::chrono::milliseconds deadline);

  // The first event about `id` from there on that `is_answer` takes. `from` moves past it, so that
  // a second call gives the next one. Errors: unavailable (none within the deadline, and why; or
  // `stop` says so, which is asked twice a second); as Consumer::poll.
  Result<CloudEvent> wait(const std::string& id, Position& from,
                          const std::function<bool(const CloudEvent&)>& is_answer,
                          std::chrono::milliseconds deadline, const std::stop_token& stop = {});

 private:
  explicit Answers(std::unique_ptr<Consumer> consumer);
  Result<int> partition_of_id(const std::string& id, std::chrono::milliseconds deadline);

  std::unique_ptr<Consumer> consumer_;
  int partition_count_ = 0;  // 0: not asked yet
};

}  // namespace oppen::client
