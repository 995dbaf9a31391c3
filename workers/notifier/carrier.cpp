#include "workers/notifier/carrier.hpp"

#include <utility>

namespace oppen::notifier {

Carrier::Carrier(std::unique_ptr<Channel> channel, std::function<void()> done)
    : channel_(std::move(channel)),
      done_(std::move(done)),
      thread_([this](const std::stop_token& stop) { work(stop); }) {}

Carrier::~Carrier() = default;

bool Carrier::busy() const {
  const std::scoped_lock lock(mutex_);
  return message_.has_value();
}

void Carrier::carry(Message message) {
  {
    const std::scoped_lock lock(mutex_);
    message_ = std::move(message);
  }
  changed_.notify_one();
}

std::optional<Carrier::Carried> Carrier::collect() {
  const std::scoped_lock lock(mutex_);
  if (!delivery_) return std::nullopt;
  Carried carried{std::move(*message_), std::move(*delivery_)};
  message_.reset();
  delivery_.reset();
  return carried;
}

void Carrier::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return message_ && !delivery_; })) {
    const auto message = *message_;
    lock.unlock();
    auto delivery = channel_->deliver(message);
    lock.lock();
    delivery_ = std::move(delivery);
    lock.unlock();
    done_();
    lock.lock();
  }
}

}  // namespace oppen::notifier
