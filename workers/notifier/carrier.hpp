#pragma once
// A thread for each route, so that a receiver that is slow or away holds up no other. The caller's thread hands over a message and
// collects later what became of it.
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "workers/notifier/channel.hpp"

namespace oppen::notifier {

class Carrier {
 public:
  // `done` is called on this thread of its own when a message is through; it may do no more than wake its owner.
  Carrier(std::unique_ptr<Channel> channel, std::function<void()> done);
  ~Carrier();  // waits for what is under way
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  bool busy() const;
  // Only when it is not busy.
  void carry(Message message);

  struct Carried {
    Message message;
    Delivery delivery;
  };
  // What is through, once; it is not busy any more then.
  std::optional<Carried> collect();

 private:
  void work(const std::stop_token& stop);

  std::unique_ptr<Channel> channel_;
  std::function<void()> done_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Message> message_;  // from carry to collect
  std::optional<Delivery> delivery_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace oppen::notifier
