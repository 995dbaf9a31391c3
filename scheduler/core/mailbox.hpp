#pragma once
// The core's inbox: tasks from other threads, and the records of the topic `jobs`. Records are
// bounded in number and bytes, so that a reader waits while the core is behind; tasks are not, because
// their senders must not block. Safe from any thread; one thread takes.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "producers/client/kafka.hpp"
#include "scheduler/core/command.hpp"
#include "schemas/error.hpp"

namespace oppen::core {

struct Incoming {
  client::ConsumedRecord record;
  std::optional<Command> command;  // where it has been read already

  std::size_t bytes() const { return record.record.value ? record.record.value->size() : 0; }
};

class Mailbox {
 public:
  using Task = std::function<Status()>;

  void post(Task task) {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    arrived_.notify_all();
  }

  // Waits while it is full. false: stopped.
  bool push(Incoming record, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    const auto has_room = [&] {
      return records_.empty() ||
             (records_.size() < capacity && bytes_ + record.bytes() <= capacity_bytes);
    };
    if (!taken_.wait(lock, stop, has_room)) return false;
    bytes_ += record.bytes();
    records_.push_back(std::move(record));
    arrived_.notify_all();
    return true;
  }

  // All tasks, and all records when `with_records`; waits until there is something, at most until
  // `deadline`.
  struct Mail {
    std::deque<Task> tasks;
    std::deque<Incoming> records;
  };
  Mail take(bool with_records, std::chrono::steady_clock::time_point deadline,
            std::stop_token stop) {
    std::unique_lock lock(mutex_);
    arrived_.wait_until(lock, stop, deadline,
                        [&] { return !tasks_.empty() || (with_records && !records_.empty()); });
    Mail mail;
    mail.tasks.swap(tasks_);
    if (with_records && !records_.empty()) {
      mail.records.swap(records_);
      bytes_ = 0;
      taken_.notify_all();
    }
    return mail;
  }

 private:
  static constexpr std::size_t capacity = 64;
  static constexpr std::size_t capacity_bytes = 1 << 20;
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::condition_variable_any taken_;
  std::deque<Task> tasks_;
  std::deque<Incoming> records_;
  std::size_t bytes_ = 0;  // of these
};

}  // namespace oppen::core
