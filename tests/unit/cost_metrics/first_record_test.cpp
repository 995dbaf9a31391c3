// A record that crashes whoever reads it is set aside; one that is merely read again is not. And the earlier of two clocks counts.
#include "workers/cost/worker/first_record.hpp"

#include <gtest/gtest.h>

#include "workers/cost/worker/present.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

TEST(FirstRecord, IsCountedOnce) {
  FirstRecord first("", 7, 100, "a");
  EXPECT_FALSE(first.careful());
  EXPECT_EQ(first.begin(7), "7 1 a");
  EXPECT_FALSE(first.sets_aside());
  EXPECT_FALSE(first.begin(8)) << "once a takeover";
}

TEST(FirstRecord, OneThatNobodyFinishesIsSetAside) {
  std::string stored;
  for (const char* instance : {"a", "b", "c"}) {
    FirstRecord first(stored, 7, 100, instance);
    stored = first.begin(7).value();
    EXPECT_FALSE(first.sets_aside()) << stored;
  }
  FirstRecord fourth(stored, 7, 100, "d");
  EXPECT_TRUE(fourth.careful());
  EXPECT_EQ(fourth.begin(7), "7 4 d");
  EXPECT_TRUE(fourth.sets_aside());
  EXPECT_EQ(fourth.begin(8), "8 1 d");
  EXPECT_FALSE(fourth.sets_aside());
}

// Some record of those that were read at once was it: each is tried by itself.
TEST(FirstRecord, AfterACrashItIsCarefulUpToWhereTheLogEnded) {
  FirstRecord first("7 1 a", 7, 10, "b");
  for (int offset = 7; first.careful(); ++offset) {
    ASSERT_LT(offset, 10);
    EXPECT_TRUE(first.begin(offset));
  }
  EXPECT_FALSE(first.begin(10'000));
  EXPECT_FALSE(first.sets_aside());
}

TEST(FirstRecord, WhatWasFinishedOrIsTriedAgainIsNoCrash) {
  EXPECT_FALSE(FirstRecord("7 3 a", 8, 100, "b").careful()) << "it has gone on";
  FirstRecord again("7 3 a", 7, 100, "a");
  EXPECT_FALSE(again.careful());
  EXPECT_EQ(again.begin(7), "7 3 a");
  EXPECT_FALSE(FirstRecord("nothing", 7, 100, "b").careful());
}

TEST(FirstRecord, OneThatLiesAheadIsNotForgottenOnTheWay) {
  FirstRecord first("9 3 a", 7, 100, "b");
  EXPECT_FALSE(first.begin(7));
  EXPECT_FALSE(first.sets_aside());
  EXPECT_FALSE(first.begin(8));
  EXPECT_EQ(first.begin(9), "9 4 b");
  EXPECT_TRUE(first.sets_aside());
}

TEST(FirstRecord, AnErrorIsNoTry) {
  FirstRecord first("7 2 a", 7, 100, "b");
  EXPECT_FALSE(first.take_back());
  EXPECT_EQ(first.begin(7), "7 3 b");
  EXPECT_EQ(first.take_back(), "7 2 a");
  EXPECT_FALSE(first.take_back());
}

struct FixedClock final : Clock {
  Time time;
  Time now() const override { return time; }
};

TEST(Present, IsWhatTheEarlierClockSays) {
  FixedClock clock;
  clock.time = Time(1h);
  Time redis(1h);
  Present behind(clock, [&] { return Result<Time>(redis); });
  EXPECT_EQ(behind.now().value(), Time(1h));
  clock.time = Time(24h);  // it jumps ahead
  EXPECT_LT(behind.now().value(), Time(2h));
  clock.time = Time(30min);
  EXPECT_EQ(behind.now().value(), Time(30min));
  Present broken(clock, [] { return Result<Time>(fail(ErrorKind::unavailable, "away")); });
  EXPECT_EQ(broken.now().error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace oppen::cost
