// Proves that the first line of a record gives a waiting job as it was written, that broken lines give none, and that jobs of several
// sets are merged by priority and place, without those that run and without doubles, their dependencies still pointing at whom they mean.
#include "scheduler/answers/waiting_list.hpp"

#include <gmock/gmock.h>

#include "scheduler/queue/record.hpp"

namespace oppen::answers {
namespace {

using ::testing::ElementsAre;

queue::JobRecord record(const std::string& id, Priority priority, std::int64_t place) {
  queue::JobRecord record;
  record.spec.job_id = id;
  record.spec.model_type = "mnist";
  record.spec.resources = {2, std::nullopt, "", 1500, std::int64_t{2} << 30};
  record.spec.max_runtime_seconds = 7200;
  record.priority = priority;
  record.place = place;
  record.estimated_seconds = 240.5;
  record.spread_permille = 250;
  record.doubt_permille = 100;
  return record;
}

std::string line_of(const queue::JobRecord& record) {
  const auto text = queue::encode(record);
  return text.substr(0, text.find('\n'));
}

Head head(Priority priority, std::int64_t place) {
  return *read_head(line_of(record("x", priority, place)));
}

std::vector<std::string> ids(const WaitingList& list) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < list.size(); ++i) ids.emplace_back(list.job_id(i));
  return ids;
}

TEST(Head, IsWhatTheRecordSays) {
  const auto head = read_head(line_of(record("a", Priority::background, 16384 * 9 + 3)));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->state, JobState::queued);
  EXPECT_EQ(head->rank(), (Rank{Priority::background, 16384 * 9 + 3}));
  const auto& waiting = head->waiting;
  EXPECT_EQ(waiting.amounts, (plan::Amounts{1, 2, 1500, std::int64_t{2} << 30}));
  EXPECT_FLOAT_EQ(waiting.p50_seconds, 240.5F);
  EXPECT_FLOAT_EQ(waiting.spread, 0.25F);
  EXPECT_FLOAT_EQ(waiting.doubt, 0.1F);
  EXPECT_EQ(waiting.max_runtime_seconds, 7200U);
  EXPECT_EQ(waiting.hold, plan::Hold::none);
}

TEST(Head, WithoutASpreadTheCataloguesPriorIsTaken) {
  auto unknown = record("a", Priority::normal, 1);
  unknown.spread_permille = 0;
  EXPECT_FLOAT_EQ(read_head(line_of(unknown))->waiting.spread, 0.5F);
}

TEST(Head, HoldsAreThePlannersOwn) {
  auto held = record("a", Priority::normal, 1);
  held.hold = queue::Hold::window;
  EXPECT_EQ(read_head(line_of(held))->waiting.hold, plan::Hold::window);
  held.hold = queue::Hold::retry;
  held.not_before = Time(std::chrono::hours(500'000));
  EXPECT_EQ(read_head(line_of(held))->waiting.hold, plan::Hold::retry);
  EXPECT_EQ(read_head(line_of(held))->waiting.not_before, held.not_before);
  held.hold = queue::Hold::dependency;
  EXPECT_EQ(read_head(line_of(held))->hold, queue::Hold::dependency);
}

TEST(Head, UnboundedIsNoLimitOfZeroSeconds) {
  auto unbounded = record("a", Priority::normal, 1);
  unbounded.spec.max_runtime_seconds.reset();
  EXPECT_GT(read_head(line_of(unbounded))->waiting.max_runtime_seconds, 1'000'000'000U);
}

TEST(Head, BrokenLinesGiveNone) {
  const auto good = line_of(record("a", Priority::normal, 1));
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(read_head(good.substr(0, length))) << good.substr(0, length);
  EXPECT_FALSE(read_head("z" + good.substr(1)));
  EXPECT_FALSE(read_head("q 1 1 n 0 x 0 0 0 0 0 - 0 0 0 0 kim"));
}

TEST(WaitingList, MergesByPriorityAndPlace) {
  WaitingList list;
  list.add("n-30", head(Priority::normal, 30));
  list.add("n-10", head(Priority::normal, 10));
  list.add("b-5", head(Priority::background, 5));
  list.add("u-40", head(Priority::urgent, 40));
  list.add("n-10", head(Priority::normal, 10));  // seen in two sets
  list.finish({});
  EXPECT_THAT(ids(list), ElementsAre("u-40", "n-10", "n-30", "b-5"));
  EXPECT_EQ(list.find({Priority::normal, 30}), 2U);
  EXPECT_FALSE(list.find({Priority::normal, 31}));
  EXPECT_FALSE(list.find({Priority::background, 6}));
}

TEST(WaitingList, WhatRunsByNowIsLeftOut) {
  WaitingList list;
  for (const auto place : {1, 2, 3})
    list.add("n-" + std::to_string(place), head(Priority::normal, place));
  list.finish({{Priority::normal, 2}, {Priority::urgent, 3}});
  EXPECT_THAT(ids(list), ElementsAre("n-1", "n-3"));
}

TEST(WaitingList, DependenciesPointAtWhoeverWaitsOrRuns) {
  WaitingList list;
  list.add("b-9", head(Priority::background, 9));
  list.add("n-2", head(Priority::normal, 2));
  list.add("u-1", head(Priority::urgent, 1));
  list.depend({Priority::normal, 2},
              {{Priority::background, 9}, {Priority::normal, 7}, {Priority::normal, 99}});
  list.depend({Priority::normal, 98}, {{Priority::background, 9}});  // it has gone
  list.finish({{Priority::urgent, 6}, {Priority::normal, 7}});
  ASSERT_THAT(ids(list), ElementsAre("u-1", "n-2", "b-9"));
  EXPECT_EQ(list.waiting()[1].dependencies, 2U);
  EXPECT_EQ(list.waiting()[0].dependencies, 0U);
  EXPECT_THAT(list.dependencies(),
              ElementsAre(2U, 4U));  // the background job; the second that runs
}

TEST(WaitingList, LimitsAreLengthenedWithoutOverflow) {
  WaitingList list;
  list.add("a", head(Priority::normal, 1));
  auto unbounded = head(Priority::normal, 2);
  unbounded.waiting.max_runtime_seconds = std::numeric_limits<std::uint32_t>::max();
  list.add("b", unbounded);
  list.lengthen_limits(330);
  EXPECT_EQ(list.waiting()[0].max_runtime_seconds, 7530U);
  EXPECT_EQ(list.waiting()[1].max_runtime_seconds, std::numeric_limits<std::uint32_t>::max());
}

}  // namespace
}  // namespace oppen::answers
