#include "scheduler/answers/snapshots.hpp"

#include <algorithm>
#include <utility>

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
constexpr auto warm_every = 45s;  // with the reading less than keep_for
constexpr auto look_every = 5s;   // whether there is anything to keep, and after a failure
constexpr std::size_t most_warm = 150'000;

Snapshots::Clock::time_point good_until(const Snapshot& snapshot) {
  const auto good =
      std::clamp<Snapshots::Clock::duration>(20 * snapshot.took, least_good, most_good);
  return snapshot.begun + good;
}

}  // namespace

Snapshots::Snapshots(std::unique_ptr<runtime::Redis> redis, std::string topic_prefix,
                     QueueLook::Ask ask, std::function<bool()> leads)
    : redis_(std::move(redis)),
      topic_prefix_(std::move(topic_prefix)),
      ask_(std::move(ask)),
      leads_(std::move(leads)),
      unasked_(Clock::now() + look_every),
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
  if (last_ && (is_good() || failure_)) return last_;
  if (!failure_) return fail(failure_.error());
  return fail(ErrorKind::unavailable, "the queue was read and forgotten again: ask again");
}

std::shared_ptr<const Snapshot> Snapshots::last() {
  const std::lock_guard lock(mutex_);
  return last_ && Clock::now() - last_->begun < keep_outdated_for ? last_ : nullptr;
}

// When it is read ahead of the next question: never once that has failed since the last one.
Snapshots::Clock::time_point Snapshots::ahead_turn() const {
  constexpr auto never = Clock::time_point::max();
  if (!last_ || last_->took <= ahead_after || (!failure_ && read_begun_ >= asked_)) return never;
  const auto half_way = last_->begun + (good_until(*last_) - last_->begun) / 2;
  return half_way < asked_ + read_ahead_for ? half_way : never;
}

void Snapshots::run(std::stop_token stop) {
  QueueLook look(*redis_, topic_prefix_);
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto next_turn = [this] { return std::min(unasked_, ahead_turn()); };
    const auto due = [&] { return wanted_ || Clock::now() >= next_turn(); };
    changed_.wait_until(lock, stop, next_turn(), due);
    if (stop.stop_requested()) return;
    if (due() && (wanted_ || is_worth_it(look, lock))) read(look, lock, stop);
  }
}

bool Snapshots::is_worth_it(QueueLook& look, std::unique_lock<std::mutex>& lock) {
  const bool ahead = Clock::now() >= ahead_turn();
  lock.unlock();
  const bool leads = leads_();
  const auto jobs = leads ? look.how_many() : Result<std::size_t>(0);
  lock.lock();
  const auto now = Clock::now();
  unasked_ = now + look_every;
  if (leads && (ahead || (jobs && *jobs <= most_warm))) return true;
  if (!last_ || (leads && (!jobs || now < asked_ + keep_for))) return false;
  last_.reset();
  lock.unlock();
  runtime::trim_memory();
  lock.lock();
  return false;
}

void Snapshots::read(QueueLook& look, std::unique_lock<std::mutex>& lock,
                     const std::stop_token& stop) {
  const bool waited_for = std::exchange(wanted_, false);
  const auto begun = Clock::now();
  lock.unlock();
  auto read = [&]() -> Result<std::shared_ptr<const Snapshot>> {
    if (!waited_for) {  // of a core that is silent the queue need not be read
      if (const auto answered = ask_(); !answered) return fail(answered.error());
    }
    const std::lock_guard reading(reading_);
    return look.read(ask_, [&stop] { return stop.stop_requested(); });
  }();
  lock.lock();
  read_begun_ = begun;
  unasked_ = Clock::now() + (read ? warm_every : look_every);
  failure_ = read.map([](auto&&) {});
  if (read) {
    last_ = std::move(*read);
  } else {
    if (last_ && begun - last_->begun >= keep_outdated_for) last_.reset();
    spdlog::debug("the queue can't be read for questions: {}", read.error().message);
  }
  changed_.notify_all();
}

}  // namespace oppen::answers
