#pragma once
// The limit of everything that is told about many jobs at once: so many records published and read, with nothing else done.
// Same Kafka, same clients; a topic that nobody else uses here. One thread at a time.
#include <memory>
#include <string>

#include "bench/support/samples.hpp"
#include "producers/client/kafka.hpp"

namespace oppen::bench {

class BareBurst {
 public:
  // `value`: of each record.
  BareBurst(const client::KafkaSettings& kafka, std::string value);

  // From the first handed to the producer to the last read by a consumer.
  SteadyClock::duration operator()(int records);

 private:
  std::unique_ptr<client::Producer> producer_;
  std::unique_ptr<client::Consumer> consumer_;
  KafkaRecord record_;
};

}  // namespace oppen::bench
