// The core's inbox: tasks in order, commands only when asked for, and a reader that waits while it is full.
#include "scheduler/core/mailbox.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace oppen::core {
namespace {

using namespace std::chrono_literals;

auto soon() { return std::chrono::steady_clock::now() + 5s; }
auto at_once() { return std::chrono::steady_clock::now(); }

TEST(Mailbox, GivesTasksInOrderAndCommandsWhenAskedFor) {
  Mailbox mailbox;
  std::vector<int> ran;
  for (int i = 0; i < 3; ++i) {
    mailbox.post([&ran, i]() -> Status {
      ran.push_back(i);
      return {};
    });
  }
  Command command;
  command.record.offset = 7;
  ASSERT_TRUE(mailbox.push(command, {}));
  auto mail = mailbox.take(false, soon(), {});
  for (const auto& task : mail.tasks) ASSERT_TRUE(task());
  EXPECT_EQ(ran, (std::vector{0, 1, 2}));
  EXPECT_TRUE(mail.commands.empty());
  mail = mailbox.take(true, soon(), {});
  ASSERT_EQ(mail.commands.size(), 1U);
  EXPECT_EQ(mail.commands.front().offset(), 7);
  EXPECT_TRUE(mailbox.take(true, at_once(), {}).commands.empty());
}

TEST(Mailbox, AFullOneHoldsItsReaderUntilItsCommandsAreTaken) {
  Mailbox mailbox;
  std::atomic<int> pushed{0};
  std::jthread reader([&](std::stop_token stop) {
    while (mailbox.push({}, stop)) ++pushed;
  });
  while (pushed < 64) std::this_thread::yield();
  ASSERT_FALSE(mailbox.take(true, soon(), {}).commands.empty());
  while (pushed < 128) std::this_thread::yield();
  EXPECT_EQ(pushed, 128);
  reader.request_stop();  // a reader that waits leaves
}

TEST(Mailbox, IsFullOfBytesToo) {
  Mailbox mailbox;
  std::atomic<int> pushed{0};
  std::jthread reader([&](std::stop_token stop) {
    Command large;
    large.record.record.value = std::string(600'000, 'x');
    while (mailbox.push(large, stop)) ++pushed;
  });
  while (pushed < 1) std::this_thread::yield();
  ASSERT_FALSE(mailbox.take(true, soon(), {}).commands.empty());
  while (pushed < 2) std::this_thread::yield();
  EXPECT_EQ(pushed, 2);
  reader.request_stop();
}

}  // namespace
}  // namespace oppen::core
