// A batch is queued whole or not at all, whatever order its parts come in, and is not lost with the scheduler that held it.
#include <thread>

#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;

class BatchTest : public CoreTest {
 protected:
  static json jobs(const std::vector<std::string>& ids) {
    auto list = json::array();
    for (const auto& id : ids)
      list.push_back({{"job_id", id}, {"model_type", "mnist"}, {"epochs", 1}});
    return list;
  }
};

TEST_F(BatchTest, QueuesEveryJobInOrder) {
  send({{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2", "s3"})}});
  EXPECT_EQ(story("sweep"), "batch.queued");
  EXPECT_EQ(last_event("sweep")["jobs"], json({"s1", "s2", "s3"}));
  EXPECT_EQ(last_event("sweep")["positions"], json({1, 2, 3}));
  EXPECT_EQ(story("s1"), "job.queued job.launched");
  EXPECT_EQ(story("s3"), "job.queued");
  EXPECT_EQ(events("s3").front().second["batch_id"], "sweep");
  EXPECT_EQ(record("s3").place, queue::place_of(0, 2));
  EXPECT_TRUE(store->open_batches().value().empty());
}

TEST_F(BatchTest, NamesEveryFaultAndQueuesNothing) {
  auto data = json{{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2", "s2"})}};
  data["jobs"][0]["model_type"] = "unknown-model";
  send(data);
  EXPECT_EQ(story("sweep"), "batch.rejected");
  const auto errors = last_event("sweep")["errors"];
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0]["index"], 0);
  EXPECT_EQ(errors[0]["field"], "model_type");
  EXPECT_EQ(errors[1]["index"], 2);
  EXPECT_EQ(errors[1]["field"], "job_id");
  EXPECT_EQ(state->counters.queued_total(), 0);
}

TEST_F(BatchTest, AMalformedJobNamesItsPlaceAndField) {
  auto data = json{{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2"})}};
  data["jobs"][1]["epochs"] = "two";
  send(data);
  const auto errors = last_event("sweep")["errors"];
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0]["index"], 1);
  EXPECT_EQ(errors[0]["field"], "epochs");
}

TEST_F(BatchTest, OfVeryManyFaultsTheFirstAreNamedAndTheRestCounted) {
  auto data = json{{"batch_id", "sweep"}, {"jobs", json::array()}};
  for (int i = 0; i < 1'200; ++i) data["jobs"].push_back(json::object());  // two faults each
  send(data);
  const auto errors = last_event("sweep")["errors"];
  ASSERT_EQ(errors.size(), 1'001U);
  EXPECT_EQ(errors[1]["index"], 0);
  EXPECT_EQ(errors[1'000]["reason"], "1400 more errors are left out");
}

TEST_F(BatchTest, ARejectedBatchMayBeSubmittedAnew) {
  send({{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s1"})}});
  send({{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2"})}});
  EXPECT_EQ(story("sweep"), "batch.rejected batch.queued");
}

TEST_F(BatchTest, StaysUnderItsCeiling) {
  send({{"batch_id", "dear"}, {"jobs", jobs({"s1", "s2"})}, {"max_total_microusd", 1}});
  EXPECT_EQ(last_event("dear")["errors"][0]["field"], "max_total_microusd");
  EXPECT_FALSE(store->job("s1").value());
  EXPECT_EQ(redis->command({"KEYS", "*stage*"}).value().elements.size(), 0U);
}

TEST_F(BatchTest, AnIdThatExistsRejectsTheWhole) {
  submit("s2");
  send({{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2"})}});
  const auto errors = last_event("sweep")["errors"];
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0]["index"], 1);
  EXPECT_FALSE(store->job("s1").value());
}

TEST_F(BatchTest, PartsCountWhenAllAreInWhateverTheirOrder) {
  const json second{{"batch_id", "sweep"}, {"jobs", jobs({"s3"})}, {"part", 2}, {"parts", 2}};
  send(second, false);
  send(second, false);  // twice
  EXPECT_FALSE(store->job("s3").value());
  submit("between");
  send({{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2"})}, {"part", 1}, {"parts", 2}});
  const auto queued = last_event("sweep");
  EXPECT_EQ(queued["jobs"], json({"s1", "s2", "s3"}));
}

TEST_F(BatchTest, AFurtherPartOfACompleteBatchIsAConflictAndChangesNothing) {
  EXPECT_EQ(
      handle(command(BatchSubmit::type, {{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2"})}})),
      std::nullopt);
  // Before it is staged: the next records of the log.
  for (const auto& further :
       {json{{"batch_id", "sweep"}, {"jobs", jobs({"s3"})}, {"part", 2}, {"parts", 2}},
        json{{"batch_id", "sweep"}, {"part", 3}}}) {
    EXPECT_EQ(handle(command(BatchSubmit::type, further)), std::nullopt);
    EXPECT_EQ(last_event("sweep")["conflict"], true);
  }
  while (story("s2").empty()) {
    settle();
    std::this_thread::yield();
  }
  EXPECT_EQ(story("sweep"), "batch.duplicate batch.duplicate batch.queued");
  EXPECT_FALSE(store->job("s3").value());
}

TEST_F(BatchTest, TooManyJobsAreRefusedBeforeTheyAreLookedAt) {
  auto policy = *state->policy;
  policy.max_batch_jobs = 3;
  state->policy = std::make_shared<const plan::Policy>(policy);
  send({{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2"})}, {"part", 1}, {"parts", 3}}, false);
  send({{"batch_id", "sweep"}, {"jobs", jobs({"s3", "s4"})}, {"part", 2}, {"parts", 3}});
  EXPECT_EQ(story("sweep"), "batch.rejected");
  EXPECT_EQ(last_event("sweep")["errors"][0]["field"], "jobs");
}

TEST_F(BatchTest, MissingPartsAreNotWaitedForForEver) {
  send({{"batch_id", "sweep"}, {"jobs", jobs({"s1"})}, {"part", 1}, {"parts", 2}}, false);
  clock.advance(std::chrono::minutes(4));
  ASSERT_TRUE(batches->tick());
  EXPECT_EQ(story("sweep"), "");
  clock.advance(std::chrono::minutes(2));
  ASSERT_TRUE(batches->tick());
  EXPECT_EQ(story("sweep"), "batch.rejected");
}

TEST_F(BatchTest, ARepeatedBatchIsADuplicate) {
  const json data{{"batch_id", "sweep"}, {"jobs", jobs({"s1"})}};
  send(data);
  send(data);
  EXPECT_EQ(story("sweep"), "batch.queued batch.duplicate");
  EXPECT_EQ(last_event("sweep")["conflict"], false);
  send({{"batch_id", "sweep"}, {"jobs", jobs({"other"})}});
  EXPECT_EQ(last_event("sweep")["conflict"], true);
}

TEST_F(BatchTest, ARejectionAnswersTheRepetitionThatCameBeforeIt) {
  const json data{{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s1"})}};
  EXPECT_EQ(handle(command(BatchSubmit::type, data)), std::nullopt);
  EXPECT_EQ(handle(command(BatchSubmit::type, data)), std::nullopt);  // before it is staged
  while (story("sweep").empty()) {
    settle();
    std::this_thread::yield();
  }
  EXPECT_EQ(story("sweep"), "batch.rejected");
  EXPECT_EQ(last_event("sweep")["source_offset"], 1);
}

TEST_F(BatchTest, IsBegunAgainByTheNextLeader) {
  EXPECT_EQ(
      handle(command(BatchSubmit::type, {{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2"})}})),
      std::nullopt);
  begin_term(2);  // whatever the check had posted is gone
  EXPECT_EQ(story("sweep"), "");
  ASSERT_TRUE(batches->resume());
  while (story("sweep").empty()) {
    settle();
    std::this_thread::yield();
  }
  EXPECT_EQ(story("sweep"), "batch.queued");
  EXPECT_EQ(record("s2").place, queue::place_of(0, 1));
}

TEST_F(BatchTest, OneThatManyLeadersHaveBegunAndNoneFinishedIsRejected) {
  EXPECT_EQ(
      handle(command(BatchSubmit::type, {{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2"})}})),
      std::nullopt);
  for (int epoch = 2; epoch < 7; ++epoch) {
    begin_term(epoch);  // each dies before it has decided
    ASSERT_TRUE(batches->resume());
  }
  begin_term(7);
  EXPECT_EQ(story("sweep"), "");
  ASSERT_TRUE(batches->resume());
  EXPECT_EQ(story("sweep"), "batch.rejected");
  EXPECT_THAT(last_event("sweep")["errors"][0]["reason"].get<std::string>(),
              ::testing::HasSubstr("5 schedulers"));
  EXPECT_TRUE(store->open_batches().value().empty());
  EXPECT_EQ(redis->command({"KEYS", "*stage*"}).value().elements.size(), 0U);
}

TEST_F(BatchTest, ACancelBeforeItIsDecidedRejectsIt) {
  EXPECT_EQ(
      handle(command(BatchSubmit::type, {{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2"})}})),
      std::nullopt);
  EXPECT_EQ(handle(command(JobCancel::type, {{"batch_id", "sweep"}, {"requested_by", "ana"}})),
            std::nullopt);
  while (story("sweep").empty()) {
    settle();
    std::this_thread::yield();
  }
  EXPECT_EQ(story("sweep"), "batch.rejected");
  EXPECT_EQ(last_event("sweep")["errors"][0]["reason"], "cancelled by ana before it was queued");
  EXPECT_FALSE(store->job("s1").value());
}

TEST_F(BatchTest, ManyAtOnceAreDecidedInTheOrderOfTheLog) {
  submit("blocker-1");
  submit("blocker-2");
  for (const auto* id : {"one", "two", "three"}) {
    EXPECT_EQ(handle(command(BatchSubmit::type,
                             {{"batch_id", id}, {"jobs", jobs({std::string(id) + "-1"})}})),
              std::nullopt);
  }
  while (story("three").empty()) {
    settle();
    std::this_thread::yield();
  }
  EXPECT_LT(last_event("one")["positions"][0], last_event("two")["positions"][0]);
  EXPECT_LT(last_event("two")["positions"][0], last_event("three")["positions"][0]);
}

TEST_F(BatchTest, AFaultInALaterPartCountsFromTheFirst) {
  send({{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2"})}, {"part", 1}, {"parts", 2}}, false);
  json second{{"batch_id", "sweep"}, {"jobs", jobs({"s3", "s4"})}, {"part", 2}, {"parts", 2}};
  second["jobs"][1]["epochs"] = -1;
  send(second);
  EXPECT_EQ(last_event("sweep")["errors"][0]["index"], 3);
}

TEST_F(BatchTest, IsCancelledWhole) {
  send({{"batch_id", "sweep"}, {"jobs", jobs({"s1", "s2", "s3", "s4"})}});
  kube.run("s1-1", clock.now());
  settle();
  EXPECT_EQ(handle(command(JobCancel::type, {{"batch_id", "sweep"}})), std::nullopt);
  settle();
  EXPECT_EQ(state_of("s4"), JobState::cancelled);
  EXPECT_EQ(state_of("s1"), JobState::cancelling);
  EXPECT_EQ(handle(command(JobCancel::type, {{"batch_id", "none"}})), std::nullopt);
  EXPECT_EQ(last_event("none")["why"], "unknown");
}

}  // namespace
}  // namespace oppen::core
