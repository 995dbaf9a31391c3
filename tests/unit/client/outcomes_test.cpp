// What counts as the outcome of a job or batch, also where it was rejected and submitted again.
#include "producers/client/outcomes.hpp"

#include <gmock/gmock.h>

#include "schemas/job_events.hpp"

namespace oppen::client {
namespace {

using nlohmann::json;
using testing::ElementsAre;

constexpr std::int64_t command = 40;

CloudEvent event(std::string_view type, json data = json::object()) {
  CloudEvent made;
  made.type = std::string(type);
  made.data = std::move(data);
  return made;
}

class OutcomesTest : public testing::Test {
 protected:
  OutcomesTest() { outcomes_.expect("a", command); }
  void take(std::string_view type, json data = json::object()) {
    outcomes_.take("a", 3, event(type, std::move(data)));
  }
  std::string outcome() {
    if (!outcomes_.complete()) return "";
    const auto all = outcomes_.take_all();
    return all.at("a").type;
  }
  Outcomes outcomes_;
};

TEST_F(OutcomesTest, IsTheTerminalEvent) {
  take(JobQueued::type, {{"seq", 1}});
  take(JobStarted::type, {{"seq", 3}});
  outcomes_.caught_up(3);
  EXPECT_EQ(outcome(), "");
  take(JobFailed::type, {{"seq", 4}});
  EXPECT_EQ(outcome(), JobFailed::type);
}

TEST_F(OutcomesTest, OfABatchIsWhetherItIsTaken) {
  take(BatchQueued::type);
  EXPECT_EQ(outcome(), BatchQueued::type);
  outcomes_.expect("a", command);
  take(BatchRejected::type, {{"source_offset", command}});
  outcomes_.caught_up(3);
  EXPECT_EQ(outcome(), BatchRejected::type);
}

TEST_F(OutcomesTest, ARejectionCountsWhenNothingIsKnownToComeAfterIt) {
  take(JobRejected::type, {{"seq", 1}, {"source_offset", command}});
  outcomes_.caught_up(2);
  EXPECT_EQ(outcome(), "") << "it is on another partition";
  EXPECT_TRUE(outcomes_.undecided(3));
  EXPECT_FALSE(outcomes_.undecided(2));
  outcomes_.caught_up(3);
  EXPECT_EQ(outcome(), JobRejected::type);
}

TEST_F(OutcomesTest, WhatWasRejectedAndThenQueuedIsNotRejected) {
  take(JobRejected::type, {{"seq", 1}, {"source_offset", command}});
  take(JobQueued::type, {{"seq", 2}});
  outcomes_.caught_up(3);
  EXPECT_EQ(outcome(), "");
  take(JobRejected::type, {{"seq", 1}, {"source_offset", command}});  // comes a second time
  outcomes_.caught_up(3);
  EXPECT_EQ(outcome(), "");
  take(JobSucceeded::type, {{"seq", 5}});
  EXPECT_EQ(outcome(), JobSucceeded::type);
}

TEST_F(OutcomesTest, TheRejectionOfAnEarlierCommandIsPassedOver) {
  take(JobRejected::type, {{"seq", 1}, {"source_offset", command - 1}});
  outcomes_.caught_up(3);
  EXPECT_EQ(outcome(), "");
  outcomes_.expect("a", Outcomes::any_command);
  take(JobRejected::type, {{"seq", 1}, {"source_offset", command - 1}});
  outcomes_.caught_up(3);
  EXPECT_EQ(outcome(), JobRejected::type) << "whoever submitted it";
}

TEST_F(OutcomesTest, NamesWhatIsMissing) {
  for (const auto* id : {"c", "b"}) outcomes_.expect(id, Outcomes::any_command);
  outcomes_.take("nobody", 3, event(JobSucceeded::type));
  EXPECT_EQ(outcomes_.missing(), 3U);
  EXPECT_THAT(outcomes_.missing(2), ElementsAre("a", "b"));
  EXPECT_FALSE(outcomes_.waits_for("nobody"));
}

}  // namespace
}  // namespace oppen::client
