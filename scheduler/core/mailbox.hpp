#pragma once
// The core's inbox: tasks from other threads, and the records of the topic `jobs`. Records are
// bounded, so that a reader waits while the core is behind; tasks are not, because their senders
// must not block. Safe from any thread; one thread takes.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "producers/client/kafka.hpp"
#include "schemas/error.hpp"

namespace oppen::core {

class Mailbox {
 public:
  using Task = std::function<Status()>;

  void post(Task task) {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    arrived_.notify_all();
  }

  // Waits while `capacity` records are not taken yet. false: stopped.
  bool push(client::ConsumedRecord record, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!taken_.wait(lock, stop, [&] { return records_.size() < capacity; })) return false;
    records_.push_back(std::move(record));
    arrived_.notify_all();
    return true;
  }

  // All tasks, and one record when `with_record`; waits until there is something, at most until
  // `deadline`.
  struct Mail {
    std::deque<Task> tasks;
    std::optional<client::ConsumedRecord> record;
  };
  Mail take(bool with_record, std::chrono::steady_clock::time_point deadline,
            std::stop_token stop) {
    std::unique_lock lock(mutex_);
    arrived_.wait_until(lock, stop, deadline,
                        [&] { return !tasks_.empty() || (with_record && !records_.empty()); });
    Mail mail;
    mail.tasks.swap(tasks_);
    if (with_record && !records_.empty()) {
      mail.record = std::move(records_.front());
      records_.pop_front();
      taken_.notify_all();
    }
    return mail;
  }

 private:
  static constexpr std::size_t capacity = 64;
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::condition_variable_any taken_;
  std::deque<Task> tasks_;
  std::deque<client::ConsumedRecord> records_;
};

}  // namespace oppen::core
