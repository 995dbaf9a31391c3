// A node that dies: its attempts end as lost with it, once, their pods go, and what may be tried again is.
#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using ::testing::HasSubstr;

class LostNodes : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    say(std::nullopt);
  }
  // The API server says since when node-1 is not Ready.
  void say(std::optional<Time> not_ready_since) {
    kube::Node node;
    node.name = "node-1";
    node.not_ready_since = not_ready_since;
    state->nodes.update({node});
  }
  void tick() {
    ASSERT_TRUE(attempts->tick());
    settle();
  }
  void later(std::chrono::seconds by) {
    clock.advance(by);
    tick();
  }
  void publish() {
    const auto tip = store->outbox_tip();
    attempts->published(tip.value());
    settle();
  }
  std::chrono::seconds patience() const {
    return std::chrono::seconds(state->policy->node_lost_after_seconds);
  }
};

TEST_F(LostNodes, AnAttemptThereEndsAsNodeAndItsPodGoesOnceThatIsPublished) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  clock.advance(std::chrono::seconds(100));
  const auto since = clock.now();
  say(since);
  later(patience() - std::chrono::seconds(1));
  EXPECT_EQ(state_of("a"), JobState::running);
  later(std::chrono::seconds(2));
  EXPECT_EQ(story("a"), "job.queued job.launched job.started job.failed");
  const auto end = last_event("a");
  EXPECT_EQ(end["class"], "node");
  EXPECT_THAT(end["message"], HasSubstr("node-1"));
  EXPECT_THAT(end["message"], HasSubstr("node_lost_after_seconds"));
  EXPECT_EQ(end["duration_seconds"], 100) << "not for the time that nobody knows of";
  ASSERT_FALSE(kube.removals().empty());
  EXPECT_EQ(kube.removals().back().pod_name, "a-1");
  EXPECT_EQ(kube.removals().back().grace, std::chrono::seconds(0));
  EXPECT_TRUE(kube.pods().contains("a-1")) << "its end is not on the bus yet";
  publish();
  EXPECT_TRUE(kube.pods().empty());
  EXPECT_EQ(state->counters.usage_total(), plan::Amounts{});
}

TEST_F(LostNodes, ASpotJobsNodeIsTakenAway) {
  submit("a", {{"spot", true}});
  kube.run("a-1", clock.now());
  settle();
  say(clock.now());
  later(patience() + std::chrono::seconds(1));
  EXPECT_EQ(last_event("a")["class"], "preempted");
}

TEST_F(LostNodes, AJobWithRetriesIsTriedAgainElsewhere) {
  submit("a", {{"max_retries", 1}});
  kube.run("a-1", clock.now());
  settle();
  say(clock.now());
  later(patience() + std::chrono::seconds(1));
  EXPECT_EQ(events("a")[3].second["class"], "node");
  EXPECT_EQ(story("a"), "job.queued job.launched job.started job.requeued");
  EXPECT_TRUE(kube.pods().contains("a-1")) << "its end is not on the bus yet";
  publish();
  EXPECT_EQ(story("a"), "job.queued job.launched job.started job.requeued job.launched");
  EXPECT_FALSE(kube.pods().contains("a-1"));
  EXPECT_TRUE(kube.pods().contains("a-2"));
}

TEST_F(LostNodes, UntilItsPodIsGoneItTakesASlot) {
  for (const auto* id : {"a", "b", "c"}) submit(id);
  for (const auto* pod : {"a-1", "b-1"}) kube.run(pod, clock.now());
  settle();
  say(clock.now());
  later(patience() + std::chrono::seconds(1));
  EXPECT_EQ(last_event("a")["class"], "node");
  EXPECT_EQ(last_event("b")["class"], "node");
  EXPECT_EQ(story("c"), "job.queued") << "two pods are still there, and there are two slots";
  EXPECT_EQ(state->capacity().taken_slots(), 2);
  submit("d");
  EXPECT_GT(last_event("d")["estimated_wait_seconds"], 0) << "as if the slots were free";
  publish();
  EXPECT_EQ(state_of("c"), JobState::launching);
  EXPECT_EQ(state_of("d"), JobState::launching);
  EXPECT_EQ(kube.pods().size(), 2U);
}

TEST_F(LostNodes, APodThatCannotBeDeletedKeepsItsSlotAndNotItsJob) {
  submit("a", {{"max_retries", 1}});
  kube.run("a-1", clock.now());
  settle();
  say(clock.now());
  for (int i = 0; i < 9; ++i) kube.script_remove(fail(ErrorKind::refused, "never"));
  later(patience() + std::chrono::seconds(1));
  publish();
  EXPECT_FALSE(kube.pod("a-1").deleting);
  EXPECT_EQ(state_of("a"), JobState::queued);
  clock.advance(std::chrono::seconds(6));
  kube.relist();  // another list is no reason to wait longer
  settle();
  EXPECT_EQ(state_of("a"), JobState::queued);
  clock.advance(std::chrono::seconds(5));
  settle();
  EXPECT_TRUE(kube.pods().contains("a-1"));
  EXPECT_EQ(state_of("a"), JobState::launching);
  submit("b");
  EXPECT_EQ(story("b"), "job.queued");
}

TEST_F(LostNodes, ANodeThatComesBackInTimeKeepsItsPods) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  say(clock.now());
  later(patience() - std::chrono::seconds(1));
  say(std::nullopt);
  later(patience());
  EXPECT_EQ(state_of("a"), JobState::running);
  EXPECT_TRUE(kube.removals().empty());
}

TEST_F(LostNodes, ANodeThatIsGoneCountsFromWhenItIsMissed) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  kube::Node other;
  other.name = "node-2";
  state->nodes.update({other});
  tick();
  later(patience() - std::chrono::seconds(1));
  EXPECT_EQ(state_of("a"), JobState::running);
  later(std::chrono::seconds(2));
  EXPECT_EQ(last_event("a")["class"], "node");
}

TEST_F(LostNodes, APodThatWasToBeGoneNeedsNoPatience) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  say(clock.now());
  auto& pod = kube.pod("a-1");
  pod.deleting = true;
  pod.delete_by = clock.now() + std::chrono::seconds(30);
  kube.notify("a-1");
  settle();
  later(std::chrono::seconds(29));
  EXPECT_EQ(state_of("a"), JobState::running);
  later(std::chrono::seconds(2));
  EXPECT_EQ(last_event("a")["class"], "node");
  publish();
  EXPECT_TRUE(kube.pods().empty());
}

TEST_F(LostNodes, ACancelledJobThereIsCancelled) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  kube.script_remove(fail(ErrorKind::unavailable, "not now"));
  cancel("a");
  EXPECT_EQ(state_of("a"), JobState::cancelling);
  say(clock.now());
  later(patience() + std::chrono::seconds(1));
  EXPECT_EQ(state_of("a"), JobState::cancelled);
  publish();
  EXPECT_TRUE(kube.pods().empty());
}

TEST_F(LostNodes, APodOfNoLiveAttemptLetsGoThere) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  auto old = kube.pod("a-1");
  old.name = "a-0";
  old.uid = "old";
  old.attempt = 0;
  kube.add_pod(old);
  settle();
  EXPECT_TRUE(kube.pod("a-0").deleting) << "deleted at once, and held by its finalizer";
  say(clock.now());
  later(patience() + std::chrono::seconds(10));
  publish();
  EXPECT_TRUE(kube.pods().empty());
}

TEST_F(LostNodes, ADeletionThatFailedIsAskedForAgain) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  say(clock.now());
  clock.advance(patience() + std::chrono::seconds(1));
  for (int i = 0; i < 3; ++i) kube.script_remove(fail(ErrorKind::unavailable, "not now"));
  tick();
  EXPECT_EQ(state_of("a"), JobState::failed);
  publish();
  EXPECT_TRUE(kube.pods().contains("a-1"));
  later(std::chrono::seconds(10));
  publish();
  EXPECT_TRUE(kube.pods().empty());
}

}  // namespace
}  // namespace oppen::core
