// The first line of a record comes back as it was written, and what is no such line gives none.
#include "scheduler/queue/header.hpp"

#include <gtest/gtest.h>

namespace oppen::queue {
namespace {

Header full_header() {
  Header header;
  header.state = JobState::cancelling;
  header.version = 7;
  header.seq = 3;
  header.priority = Priority::urgent;
  header.attempt = 2;
  header.place = 196'613;
  header.amounts = {1, 2, 1500, std::int64_t{2} << 30};
  header.cost = {20'500};
  header.milliseconds = 246'250;
  header.hold = Hold::retry;
  header.not_before = Time{std::chrono::milliseconds{1'767'463'200'500}};
  header.spread_permille = 250;
  header.doubt_permille = 90;
  header.limit_seconds = 3600;
  header.user = "kim.lee";
  return header;
}

TEST(Header, ComesBackAsItWasWritten) {
  EXPECT_EQ(
      to_line(full_header()),
      "x 7 3 u 2 196613 2 1500 2147483648 20500 246250 t 1767463200500 250 90 3600 kim.lee\n");
  for (const auto* user : {"kim.lee", ""}) {
    auto header = full_header();
    header.user = user;
    const auto read = read_header(to_line(header) + "{the detail}");
    ASSERT_TRUE(read);
    EXPECT_EQ(to_line(*read), to_line(header));
    EXPECT_EQ(read->user, user);
    EXPECT_EQ(read->state, JobState::cancelling);
    EXPECT_EQ(read->amounts, header.amounts);
    EXPECT_EQ(read->cost, header.cost);
    EXPECT_EQ(read->hold, Hold::retry);
    EXPECT_EQ(read->not_before, header.not_before);
    EXPECT_EQ(read->limit_seconds, 3600);
  }
}

TEST(Header, RoomIsKeptOnlyForWhatWaitsForItsTurn) {
  auto header = full_header();
  header.state = JobState::queued;
  header.reserved = true;
  for (const auto hold : {Hold::none, Hold::window}) {
    header.hold = hold;
    const auto read = read_header(to_line(header));
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->reserved);
    EXPECT_EQ(read->hold, hold);
  }
  header.hold = Hold::retry;
  EXPECT_FALSE(read_header(to_line(header))->reserved);
  header.hold = Hold::none;
  header.state = JobState::running;
  EXPECT_FALSE(read_header(to_line(header))->reserved);
}

TEST(Header, WhatIsNoneGivesNone) {
  auto header = full_header();
  header.user.clear();
  const auto line = to_line(header);
  for (std::size_t length = 0; length + 1 < line.size(); ++length)
    EXPECT_FALSE(read_header(line.substr(0, length))) << line.substr(0, length);
  EXPECT_FALSE(read_header("z" + line.substr(1)));
  EXPECT_FALSE(read_header(line.substr(0, line.size() - 1) + " more"));
  EXPECT_FALSE(read_header("q 1 1 n 0 x 0 0 0 0 0 - 0 0 0 0 kim"));
}

}  // namespace
}  // namespace oppen::queue
