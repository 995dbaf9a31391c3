// Every command has its answer, and what is wrong with one is named.
#include <thread>

#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using ::testing::HasSubstr;

TEST_F(CoreTest, TheFirstSubmissionStandsAndTheSecondIsToldOfIt) {
  submit("a", {{"epochs", 2}});
  submit("a", {{"epochs", 2}});
  EXPECT_EQ(last_event("a")["conflict"], false);
  EXPECT_EQ(last_event("a")["state"], "launching");
  submit("a", {{"epochs", 3}});
  EXPECT_EQ(last_event("a")["conflict"], true);
  EXPECT_EQ(record("a").spec.epochs, 2);
  EXPECT_EQ(kube.launches().size(), 1U);
}

TEST_F(CoreTest, ARepeatedRecordChangesNothing) {
  const auto once = command(JobSubmit::type, {{"job_id", "a"}, {"model_type", "mnist"}});
  EXPECT_EQ(handle(once), std::nullopt);
  EXPECT_EQ(handle(once), std::nullopt);
  settle();
  EXPECT_EQ(story("a"), "job.queued job.launched");
}

TEST_F(CoreTest, WhatNoNodeIsLargeEnoughForIsRefusedAloneAndInABatch) {
  kube::Node node;
  node.name = "node-1";
  node.schedulable = true;
  node.allocatable = {110, 1, 8'000, std::int64_t{32} << 30};
  state->nodes.update({node});
  const nlohmann::json large{
      {"job_id", "large"}, {"model_type", "mnist"}, {"resources", {{"gpus", 2}}}};
  submit("large", large);
  EXPECT_EQ(last_event("large")["code"], "never_fits");
  EXPECT_EQ(last_event("large")["reason"], "needs 2 gpus, the largest node has 1 gpu");
  EXPECT_EQ(handle(command(BatchSubmit::type,
                           {{"batch_id", "sweep"}, {"jobs", nlohmann::json::array({large})}})),
            std::nullopt);
  while (events("sweep").empty()) {
    settle();
    std::this_thread::yield();  // until the checking thread has posted
  }
  EXPECT_EQ(story("sweep"), "batch.rejected");
  EXPECT_THAT(last_event("sweep")["errors"][0]["reason"], HasSubstr("largest node has 1 gpu"));
  node.allocatable.gpus = 2;
  state->nodes.update({node});
  submit("large", large);
  EXPECT_EQ(state_of("large"), JobState::launching);
}

TEST_F(CoreTest, ARejectedJobMayBeSubmittedAnew) {
  submit("a", {{"epochs", -1}});
  EXPECT_EQ(last_event("a")["code"], "invalid");
  EXPECT_EQ(last_event("a")["field"], "epochs");
  EXPECT_THAT(last_event("a")["reason"], HasSubstr("epochs is -1: expected"));
  submit("a", {{"epochs", 1}});
  EXPECT_EQ(story("a"), "job.rejected job.queued job.launched");
  EXPECT_EQ(events("a")[1].second["seq"], 2);
}

TEST_F(CoreTest, ReadAgainARefusalStandsAndWhatCameAfterItCounts) {
  const auto refused =
      command(JobSubmit::type, {{"job_id", "a"}, {"model_type", "mnist"}, {"epochs", -1}});
  const auto mended =
      command(JobSubmit::type, {{"job_id", "a"}, {"model_type", "mnist"}, {"epochs", 1}});
  EXPECT_EQ(handle(refused), std::nullopt);
  EXPECT_EQ(last_event("a")["source_offset"], refused.offset);
  // As after Redis came back older than the log: the refusal is known from its event, and both are read again.
  ASSERT_TRUE(redis->command({"HDEL", "{oppen.scheduler}:meta", "next:jobs"}));
  state->replay_until = mended.offset + 1;
  EXPECT_EQ(handle(refused), std::nullopt);
  EXPECT_EQ(handle(mended), std::nullopt);
  EXPECT_EQ(story("a"), "job.rejected job.queued");
}

TEST_F(CoreTest, WhatCannotBeAnsweredIsSetAside) {
  EXPECT_THAT(handle(command(JobSubmit::type, {{"model_type", "mnist"}})).value_or(""),
              HasSubstr("job_id"));
  EXPECT_THAT(handle(command(JobSubmit::type, {{"job_id", "Not A Label"}, {"model_type", "mnist"}}))
                  .value_or(""),
              HasSubstr("Not A Label"));
  EXPECT_THAT(handle(command("dev.oppen.job.launch.v1", nlohmann::json::object())).value_or(""),
              HasSubstr("dev.oppen.job.launch.v1"));
  auto broken = command(JobSubmit::type, nlohmann::json::object());
  broken.record.value = "not json";
  EXPECT_TRUE(handle(broken));
  ASSERT_TRUE(intake->skip(broken.offset));
  EXPECT_EQ(store->meta("next:jobs").value(), std::to_string(broken.offset + 1));
}

TEST_F(CoreTest, RefusesToCancelWhatIsUnknownOrOver) {
  cancel("none");
  EXPECT_EQ(last_event("none")["why"], "unknown");
  submit("a");
  kube.run("a-1", clock.now());
  kube.succeed("a-1", clock.now());
  settle();
  cancel("a");
  EXPECT_EQ(last_event("a")["why"], "finished");
}

TEST_F(CoreTest, ACancelBeforeItsSubmitIsRefusedAndTheSubmitCounts) {
  cancel("a");
  submit("a");
  EXPECT_EQ(story("a"), "job.cancel-refused job.queued job.launched");
}

TEST_F(CoreTest, SubmissionsThatFollowOneAnotherAreOneCommitAndAnsweredEach) {
  submit("known");
  submit("running");
  std::vector<Command> commands;
  for (const auto& [id, epochs] : {std::pair{"a", 1}, {"known", 1}, {"bad", -1}, {"b", 1}}) {
    const nlohmann::json data{{"job_id", id}, {"model_type", "mnist"}, {"epochs", epochs}};
    commands.push_back(read_command(command(JobSubmit::type, data)));
  }
  std::vector<const Command*> pointers;
  for (const auto& one : commands) pointers.push_back(&one);
  ASSERT_TRUE(intake->submit(pointers));
  EXPECT_EQ(story("a"), "job.queued");
  EXPECT_EQ(story("b"), "job.queued");
  EXPECT_EQ(last_event("known")["conflict"], true);
  EXPECT_EQ(last_event("bad")["field"], "epochs");
  EXPECT_EQ(last_event("a")["position"], 1);
  EXPECT_EQ(last_event("b")["position"], 2) << "a stands before it already";
  EXPECT_EQ(record("b").place, queue::place_of(commands.back().offset(), 0));
  EXPECT_EQ(store->meta("next:jobs").value(), std::to_string(commands.back().offset() + 1));
  EXPECT_EQ(state->counters.queued_total(), 2);
}

TEST_F(CoreTest, TellsPositionWaitAndCost) {
  for (const auto* id : {"a", "b", "c"}) submit(id, {{"epochs", 2}});
  clock.advance(std::chrono::seconds(1));  // what runs is looked through at most twice a second
  submit("d", {{"epochs", 2}});
  const auto first = events("a").front().second;
  EXPECT_EQ(first["position"], 1);
  EXPECT_EQ(first["estimated_wait_seconds"], 0);
  EXPECT_EQ(first["estimated_duration_seconds"], 240);
  EXPECT_GT(first["estimated_cost_microusd"], 0);
  const auto last = events("d").front().second;
  EXPECT_EQ(last["position"], 2);
  EXPECT_EQ(last["estimated_wait_seconds"], 360);  // one waits, two run: 3 x 240 s over 2 slots
}

}  // namespace
}  // namespace oppen::core
