#pragma once
// A part of the work on batches, done by a thread of its own while the owner's thread does the rest, in the order in which they were
// put. What a batch holds is one thread's at a time: the owner's until it is put, and again once it is taken. One thread owns a stage,
// and bounds what is under way by size().
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace oppen::runtime {

template <class Batch>
class Stage {
 public:
  // `work` is called on the stage's thread alone; it must not throw.
  explicit Stage(std::function<void(Batch&)> work)
      : work_(std::move(work)), thread_([this](const std::stop_token& stop) { run(stop); }) {}
  // Waits for the batch that is worked on; those behind it are dropped.
  ~Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Put, and not taken yet.
  std::size_t size() const { return batches_.size(); }
  void put(std::unique_ptr<Batch> batch) {
    {
      const std::scoped_lock lock(mutex_);
      batches_.push_back(std::move(batch));
    }
    put_.notify_one();
  }
  // The one that was put first; waits until it is done. nullptr: there is none.
  std::unique_ptr<Batch> take() {
    if (batches_.empty()) return nullptr;
    std::unique_lock lock(mutex_);
    did_.wait(lock, [this] { return done_ > 0; });
    auto batch = std::move(batches_.front());
    batches_.pop_front();
    --done_;
    return batch;
  }

 private:
  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (put_.wait(lock, stop, [this] { return done_ < batches_.size(); }) &&
           !stop.stop_requested()) {
      auto& batch = *batches_[done_];
      lock.unlock();
      work_(batch);
      lock.lock();
      ++done_;
      did_.notify_one();
    }
  }

  std::function<void(Batch&)> work_;
  std::mutex mutex_;
  std::condition_variable_any put_;
  std::condition_variable did_;
  std::deque<std::unique_ptr<Batch>> batches_;  // changed by the owner alone
  std::size_t done_ = 0;                        // of these, from the front on
  std::jthread thread_;                         // last: it uses the others
};

}  // namespace oppen::runtime
