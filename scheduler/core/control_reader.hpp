#pragma once
// Reads the topic `control` from where Redis left it. Owns its consumer and a thread.
#include <functional>
#include <memory>
#include <thread>

#include "producers/client/kafka.hpp"
#include "scheduler/queue/store.hpp"

namespace oppen::core {

class ControlReader {
 public:
  // `take` is called with each record on the reader's own thread, and with the error that ends the reading: both are to be posted to
  // the core. Errors: of the store; unavailable.
  using Take = std::function<void(Result<client::ConsumedRecord>)>;
  static Result<std::unique_ptr<ControlReader>> start(const client::KafkaSettings& kafka,
                                                      queue::QueueStore& store, Take take);
  ~ControlReader();

 private:
  ControlReader(std::unique_ptr<client::Consumer> consumer, Take take);
  void read(const std::stop_token& stop);

  std::unique_ptr<client::Consumer> consumer_;
  Take take_;
  std::jthread thread_;
};

}  // namespace oppen::core
