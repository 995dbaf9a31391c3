#include "scheduler/answers/snapshots.hpp"

#include <algorithm>

#include "workers/runtime/log.hpp"
#include "workers/runtime/memory.hpp"

namespace oppen::answers {
namespace {

using namespace std::chrono_literals;

constexpr auto least_good = 200ms;
constexpr auto most_good = 10s;
constexpr auto ahead_after = 10ms;  // shorter readings are not worth being ahead of
constexpr auto read_ahead_for = 10s;
constexpr auto long_reading = 50ms;  // which nobody who can have an older one waits for
constexpr auto keep_for = 60s;
constexpr auto deadline = 15s;

Snapshots::Clock::time_point good_until(const Snapshot& snapshot) {
  const auto good =
      std::clamp<Snapshots::Clock::duration>(20 * snapshot.took, least_good, most_good);
  return snapshot.begun + good;
}

}  // namespace

Snapshots::Snapshots(std::unique_ptr<runtime::Redis> redis, std::string topic_prefix,
                     QueueLook::Ask ask)
    : redis_(std::move(redis)),
      topic_prefix_(std::move(topic_prefix)),
      ask_(std::move(ask)),
      thread_([this](std::stop_token stop) { run(stop); }) {}

Snapshots::~Snapshots() {
  thread_.request_stop();
  thread_.join();  // before what it uses goes
}

Result<std::shared_ptr<const Snapshot>> Snapshots::get(Clock::time_point not_before) {
  std::unique_lock lock(mutex_);
  const auto now = Clock::now();
  asked_ = now;
  const auto is_good = [&] {
    return last_ && last_->begun >= not_before && good_until(*last_) > now;
  };
  if (is_good()) return last_;
  wanted_ = true;
  changed_.notify_all();
  if (last_ && last_->begun >= not_before && last_->took > long_reading &&
      now - last_->begun < keep_for)
    return last_;
  const auto begun = std::max(now, not_before);
  if (!changed_.wait_for(lock, deadline, [&] { return is_good() || read_begun_ >= begun; })) {
    return fail(ErrorKind::unavailable, "the queue could not be read in time: ask again");
  }
  if (is_good() || failure_) return last_;
  return fail(failure_.error());
}

// When there is something to do without being asked.
Snapshots::Clock::time_point Snapshots::next_turn() const {
  if (!last_) return Clock::time_point::max();
  const auto half_way = last_->begun + (good_until(*last_) - last_->begun) / 2;
  if (last_->took > ahead_after && half_way < asked_ + read_ahead_for) return half_way;
  return asked_ + keep_for;
}

void Snapshots::run(std::stop_token stop) {
  QueueLook look(*redis_, topic_prefix_);
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto due = [this] { return wanted_ || Clock::now() >= next_turn(); };
    if (next_turn() == Clock::time_point::max()) {
      changed_.wait(lock, stop, due);
    } else {
      changed_.wait_until(lock, stop, next_turn(), due);
    }
    if (stop.stop_requested()) return;
    if (!due()) continue;
    if (!wanted_ && Clock::now() >= asked_ + keep_for) {
      last_.reset();
      lock.unlock();
      runtime::trim_memory();
      lock.lock();
      continue;
    }
    wanted_ = false;
    const auto begun = Clock::now();
    lock.unlock();
    auto read = [&] {
      const std::lock_guard reading(reading_);
      return look.read(ask_, [&stop] { return stop.stop_requested(); });
    }();
    lock.lock();
    read_begun_ = begun;
    failure_ = read.map([](auto&&) {});
    if (read) {
      last_ = std::move(*read);
    } else {
      last_.reset();  // or it would be read ahead without end
      spdlog::debug("the queue can't be read for questions: {}", read.error().message);
    }
    changed_.notify_all();
  }
}

}  // namespace oppen::answers
