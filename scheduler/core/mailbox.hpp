#pragma once
// The core's inbox: tasks from other threads, and the commands of the topic `jobs`. Commands are
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

class Mailbox {
 public:
  using Task = std::function<Status()>;

  void post(Task task) {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    arrived_.notify_all();
  }

  // Waits while it is full. false: stopped.
  bool push(Command command, std::stop_token stop) {
    const auto bytes = command.record.record.value ? command.record.record.value->size() : 0;
    std::unique_lock lock(mutex_);
    const auto has_room = [&] {
      return commands_.empty() || (commands_.size() < capacity && bytes_ + bytes <= capacity_bytes);
    };
    if (!taken_.wait(lock, stop, has_room)) return false;
    bytes_ += bytes;
    commands_.push_back(std::move(command));
    arrived_.notify_all();
    return true;
  }

  // All tasks, and all commands when `with_commands`; waits until there is something, at most until
  // `deadline`.
  struct Mail {
    std::deque<Task> tasks;
    std::deque<Command> commands;
  };
  Mail take(bool with_commands, std::chrono::steady_clock::time_point deadline,
            std::stop_token stop) {
    std::unique_lock lock(mutex_);
    arrived_.wait_until(lock, stop, deadline,
                        [&] { return !tasks_.empty() || (with_commands && !commands_.empty()); });
    Mail mail;
    mail.tasks.swap(tasks_);
    if (with_commands && !commands_.empty()) {
      mail.commands.swap(commands_);
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
  std::deque<Command> commands_;
  std::size_t bytes_ = 0;  // of these
};

}  // namespace oppen::core
