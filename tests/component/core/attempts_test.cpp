// The life of attempts: in order and within the limits, one pod for each, an end for each, whatever dies or vanishes in between.
#include "tests/component/core/core_fixture.hpp"

namespace oppen::core {
namespace {

using kube::LaunchResult;
using ::testing::HasSubstr;

TEST_F(CoreTest, AJobGoesItsWholeWay) {
  submit("a");
  EXPECT_EQ(state_of("a"), JobState::launching);
  kube.run("a-1", clock.now());
  settle();
  EXPECT_EQ(state_of("a"), JobState::running);
  clock.advance(std::chrono::seconds(90));
  kube.succeed("a-1", clock.now(), R"({"accuracy":0.98})");
  settle();
  EXPECT_EQ(story("a"), "job.queued job.launched job.started run.completed job.succeeded");
  std::int64_t seq = 0;
  for (const auto& [type, data] : events("a")) {
    if (type == RunCompleted::type) continue;
    EXPECT_EQ(data["seq"], ++seq) << type;
  }
  const auto end = last_event("a");
  EXPECT_EQ(end["duration_seconds"], 90);
  EXPECT_EQ(end["metrics"]["accuracy"], 0.98);
  EXPECT_EQ(end["pod"], "a-1");
  EXPECT_EQ(state->counters.usage_total(), plan::Amounts{});
}

TEST_F(CoreTest, AtMostTheSlotsRunAndTheNextFollowsInOrder) {
  submit("n1");
  submit("n2");
  submit("low", {{"priority", "background"}});
  submit("n3");
  submit("high", {{"priority", "urgent"}});
  EXPECT_EQ(kube.launches().size(), 2U);
  for (const auto* name : {"n1-1", "n2-1", "high-1", "n3-1", "low-1"}) {
    ASSERT_TRUE(kube.pods().contains(name)) << name;
    kube.run(name, clock.now());
    kube.succeed(name, clock.now());
    settle();
    EXPECT_LE(state->counters.usage_total().pods, 2);
  }
  std::vector<std::string> order;
  for (const auto& launch : kube.launches()) order.push_back(launch.pod_name);
  EXPECT_EQ(order, (std::vector<std::string>{"n1-1", "n2-1", "high-1", "n3-1", "low-1"}));
}

TEST_F(CoreTest, OnlySoManyLaunchesAreOnTheirWayAtOnce) {
  auto policy = *state->policy;
  policy.max_concurrent_jobs = 400;
  state->policy = std::make_shared<const plan::Policy>(policy);
  kube.hold_answers(true);
  for (int i = 0; i < 300; ++i) submit("n" + std::to_string(i));
  const auto at_once = kube.launches().size();
  EXPECT_LE(at_once, 128U);
  EXPECT_EQ(state->counters.usage_total().pods, static_cast<std::int64_t>(at_once));
  kube.hold_answers(false);
  kube.release_answers();
  settle();
  EXPECT_EQ(kube.launches().size(), 300U);
}

TEST_F(CoreTest, ThePodKeepsItsFinalizerUntilItsEndIsPublished) {
  submit("a");
  kube.run("a-1", clock.now());
  kube.succeed("a-1", clock.now());
  settle();
  EXPECT_TRUE(kube.releases().empty());
  attempts->published("1-0");  // something earlier
  EXPECT_TRUE(kube.releases().empty());
  attempts->published(store->outbox_tip().value());
  ASSERT_EQ(kube.releases().size(), 1U);
  EXPECT_EQ(kube.releases()[0].pod_name, "a-1");
}

TEST_F(CoreTest, AnEndThatNobodyReleasedIsReleasedAfterARestart) {
  submit("a");
  kube.run("a-1", clock.now());
  kube.succeed("a-1", clock.now());
  settle();
  begin_term(2);
  attempts->published(store->outbox_tip().value());
  EXPECT_EQ(kube.releases().size(), 1U);
  EXPECT_EQ(story("a"), "job.queued job.launched job.started job.succeeded");
}

// Redis is lost while Kafka is away: of what was done since job.queued only the pods tell.
class ForgottenAttempts : public CoreTest {
 protected:
  // The next term finds the job in Redis as it was submitted, and nothing else.
  void forget_attempts_of(const std::string& job_id) {
    auto queued = record(job_id);
    queued.state = JobState::queued;
    queued.attempt = 0;
    queued.launched = false;
    queued.pod_uid.clear();
    queued.started_at.reset();
    queued.failure.reset();
    queued.exit_code.reset();
    queued.message.clear();
    queued.seq = 1;
    queued.version = 0;
    ASSERT_TRUE(redis->command({"FLUSHALL"}));
    ASSERT_TRUE(
        queue::Lease(*redis, "oppen.", "me", std::chrono::minutes(1)).claim(2, clock.now()));
    queue::Changes rebuilt;
    rebuilt.put(queued);
    ASSERT_TRUE(queue::QueueStore(*redis, "oppen.", 2).commit(rebuilt));
  }
};

TEST_F(ForgottenAttempts, AreToldByTheirPods) {
  submit("a", {{"max_retries", 1}});
  kube.run("a-1", clock.now());
  kube.fail("a-1", clock.now(), 1);
  settle();
  kube.run("a-2", clock.now());
  settle();
  ASSERT_EQ(kube.launches().size(), 2U);

  forget_attempts_of("a");
  begin_term(3);
  EXPECT_EQ(story("a"), "job.launched job.started job.requeued job.launched job.started");
  EXPECT_EQ(last_event("a")["attempt"], 2);
  EXPECT_EQ(kube.launches().size(), 2U) << "an attempt was run again";
  EXPECT_TRUE(kube.releases().empty()) << "a pod was released before its end was published";
  attempts->published(store->outbox_tip().value());
  EXPECT_EQ(kube.releases().size(), 1U);
}

// A cancel that is still to be read may be why a pod was deleted, but not that of an attempt after which the job went on.
TEST_F(ForgottenAttempts, AreToldInOrderWhenTheirPodsWereDeleted) {
  submit("a", {{"max_retries", 2}});
  for (const auto* pod : {"a-1", "a-2", "a-3"}) {
    kube.run(pod, clock.now());
    kube.fail(pod, clock.now(), 1);
    settle();
    clock.advance(std::chrono::seconds(1));
    kube.pod(pod).deleted_at = clock.now();
    kube.delete_by_hand(pod);
    settle();
  }
  ASSERT_EQ(kube.launches().size(), 3U);

  forget_attempts_of("a");
  caught_up = false;
  begin_term(3);
  const std::string two_told =
      "job.launched job.started job.requeued job.launched job.started job.requeued job.launched "
      "job.started";
  EXPECT_EQ(story("a"), two_told) << "the third end may be a cancel's";
  ASSERT_TRUE(attempts->caught_up());
  settle();
  EXPECT_EQ(story("a"), two_told + " job.failed");
  EXPECT_EQ(kube.launches().size(), 3U) << "an attempt was run again";
}

TEST_F(CoreTest, OverQuotaGoesBackToItsPlaceAndKeepsItsAttempt) {
  kube.script_launch(LaunchResult::over_quota, "exceeded quota: ml-training-quota");
  submit("a");
  EXPECT_EQ(state_of("a"), JobState::queued);
  submit("b");
  EXPECT_EQ(kube.launches().size(),
            1U);  // nothing overtakes, and nothing is tried before something changes
  attempts->quota_changed();
  settle();
  EXPECT_EQ(kube.launches().at(1).pod_name, "a-1");
  EXPECT_EQ(kube.launches().at(2).pod_name, "b-1");
}

TEST_F(CoreTest, ARefusedPodFailsTheJobWithTheServersWords) {
  kube.script_launch(LaunchResult::rejected, "violates PodSecurity");
  submit("a");
  EXPECT_EQ(story("a"), "job.queued job.failed");
  EXPECT_EQ(last_event("a")["class"], "launch");
  EXPECT_THAT(last_event("a")["message"], HasSubstr("violates PodSecurity"));
  EXPECT_EQ(state->counters.usage_total().pods, 0);
}

TEST_F(CoreTest, AnUnansweredLaunchIsRepeatedUnderTheSameName) {
  kube.script_lost_launch();
  submit("a");
  ASSERT_TRUE(attempts->tick());
  settle();
  for (const auto& launch : kube.launches()) EXPECT_EQ(launch.pod_name, "a-1");
  EXPECT_EQ(kube.pods().size(), 1U);
  EXPECT_EQ(story("a"), "job.queued job.launched");
}

TEST_F(CoreTest, ACrashBetweenDecisionAndPodLaunchesTheSameAttempt) {
  kube.hold_answers(true);
  submit("a");  // decided and stored; the pod is not created yet
  EXPECT_EQ(state_of("a"), JobState::launching);
  EXPECT_TRUE(kube.pods().empty());
  kube.hold_answers(false);
  begin_term(2);
  EXPECT_EQ(kube.pods().size(), 1U);
  EXPECT_TRUE(kube.pods().contains("a-1"));
  kube.release_answers();  // the old one arrives late: the same pod
  settle();
  EXPECT_EQ(kube.pods().size(), 1U);
  EXPECT_EQ(story("a"), "job.queued job.launched");
}

TEST_F(CoreTest, APodThatRunsAlreadyWhenItIsFirstSeenIsFollowed) {
  kube.hold_answers(true);
  submit("a");
  kube.hold_answers(false);
  kube.release_answers();  // created; nobody has looked at the answer when the scheduler dies
  kube.run("a-1", clock.now());
  begin_term(2);
  EXPECT_EQ(story("a"), "job.queued job.launched job.started");
  EXPECT_EQ(state_of("a"), JobState::running);
}

TEST_F(CoreTest, ALaunchOnItsWayIsAbandonedWhenItsPodHasComeAndGone) {
  kube.hold_answers(true);
  submit("a");
  kube::Pod pod;
  pod.name = "a-1";
  pod.uid = "u";
  pod.job_id = "a";
  pod.attempt = 1;
  pod.managed = true;
  pod.epoch = 1;
  pod.node = "node-1";
  pod.phase = "Failed";
  pod.started_at = pod.finished_at = clock.now();
  pod.exit_code = 1;
  ASSERT_TRUE(attempts->on_pod(pod, true));
  EXPECT_EQ(state_of("a"), JobState::failed);
  kube.hold_answers(false);
  kube.release_answers();
  settle();
  EXPECT_TRUE(kube.pods().empty()) << "the attempt was launched again";
}

TEST_F(CoreTest, AVanishedPodIsLost) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  kube.vanish("a-1");
  kube.relist();
  settle();
  EXPECT_EQ(story("a"), "job.queued job.launched job.started job.failed");
  EXPECT_EQ(last_event("a")["class"], "lost");
}

TEST_F(CoreTest, AFailedAttemptIsRepeatedAsOftenAsTheJobAllows) {
  submit("a", {{"max_retries", 1}});
  for (const auto* pod : {"a-1", "a-2"}) {
    kube.run(pod, clock.now());
    kube.fail(pod, clock.now(), 3);
    settle();
  }
  EXPECT_EQ(story("a"),
            "job.queued job.launched job.started job.requeued job.launched job.started job.failed");
  EXPECT_EQ(last_event("a")["attempt"], 2);
  EXPECT_EQ(last_event("a")["exit_code"], 3);
}

TEST_F(CoreTest, APodThatCannotStartIsGivenUp) {
  submit("a");
  kube.cannot_start("a-1", "ImagePullBackOff", "no such image");
  settle();
  ASSERT_TRUE(attempts->tick());
  settle();
  EXPECT_EQ(state_of("a"), JobState::launching);
  clock.advance(std::chrono::seconds(state->policy->launch_timeout_seconds + 1));
  ASSERT_TRUE(attempts->tick());
  settle();
  EXPECT_EQ(state_of("a"), JobState::failed);
  EXPECT_EQ(last_event("a")["class"], "launch");
  EXPECT_THAT(last_event("a")["message"], HasSubstr("ImagePullBackOff: no such image"));
}

TEST_F(CoreTest, APodOfAnAttemptThatIsNotLiveIsDeleted) {
  submit("a");
  kube.run("a-1", clock.now());
  kube.succeed("a-1", clock.now());
  settle();
  auto stale = kube.pod("a-1");
  stale.name = "a-2";
  stale.uid = "stale";
  stale.attempt = 2;
  stale.phase = "Running";
  kube.add_pod(stale);
  settle();
  ASSERT_EQ(kube.removals().size(), 1U);
  EXPECT_EQ(kube.removals()[0].uid, "stale");
  EXPECT_EQ(state_of("a"), JobState::succeeded);
}

TEST_F(CoreTest, FinishedPodsAreClearedAwayAfterTheirTime) {
  submit("a");
  kube.run("a-1", clock.now());
  kube.succeed("a-1", clock.now());
  settle();
  attempts->published(store->outbox_tip().value());
  ASSERT_TRUE(attempts->tick());
  EXPECT_TRUE(kube.removals().empty());
  clock.advance(std::chrono::seconds(state->policy->finished_pod_ttl_seconds + 1));
  ASSERT_TRUE(attempts->tick());
  settle();
  EXPECT_EQ(kube.removals().size(), 1U);
  EXPECT_TRUE(kube.pods().empty());
  ASSERT_TRUE(attempts->tick());
  EXPECT_EQ(kube.removals().size(), 1U);
}

TEST_F(CoreTest, AJobWithoutAGpuGoesItsWholeWayToo) {
  submit("a", {{"resources", {{"gpus", 0}}}});
  kube.run("a-1", clock.now());
  kube.succeed("a-1", clock.now());
  settle();
  EXPECT_EQ(story("a"), "job.queued job.launched job.started job.succeeded");
  EXPECT_TRUE(store->live().value().empty());
  EXPECT_EQ(state->counters.usage_total(), plan::Amounts{});
}

TEST_F(CoreTest, AListThatBeganBeforeALaunchSaysNothingOfItsPod) {
  attempts->list_begins();
  submit("a");
  ASSERT_TRUE(attempts->reconcile({}));  // the list that was on its way
  settle();
  EXPECT_EQ(state_of("a"), JobState::launching);
  attempts->list_begins();
  kube.vanish("a-1");
  ASSERT_TRUE(attempts->reconcile({}));
  EXPECT_EQ(state_of("a"), JobState::failed);
}

TEST_F(CoreTest, APodOfALaterLeaderEndsOurTerm) {
  submit("a");
  auto later = kube.pod("a-1");
  later.name = "b-1";
  later.job_id = "b";
  later.epoch = 2;
  EXPECT_EQ(attempts->on_pod(later, false).error().kind, ErrorKind::fenced);
  EXPECT_EQ(attempts->reconcile({later}).error().kind, ErrorKind::fenced);
  EXPECT_TRUE(kube.removals().empty());
}

TEST_F(CoreTest, ARefusalForOurOwnPodDoesNotRequeueIt) {
  kube.hold_answers(true);
  kube.script_launch(LaunchResult::over_quota, "exceeded quota");
  submit("a");
  auto pod =
      kube::Pod{};  // of an earlier try that got no answer; the watch is faster than the refusal
  pod.name = "a-1";
  pod.uid = "uid";
  pod.job_id = "a";
  pod.attempt = 1;
  pod.managed = true;
  pod.phase = "Pending";
  pod.epoch = 1;
  pod.spec_hash = spec_hash(record("a").spec);
  ASSERT_TRUE(attempts->on_pod(pod, false));
  kube.hold_answers(false);
  kube.release_answers();
  settle();
  EXPECT_EQ(state_of("a"), JobState::launching);
  EXPECT_EQ(story("a"), "job.queued job.launched");
}

// --- cancelling, in every state

TEST_F(CoreTest, ADeletionWithoutEffectIsAskedForAgain) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  kube.script_remove(fail(ErrorKind::unavailable, "away"));
  cancel("a");
  ASSERT_TRUE(attempts->tick());
  clock.advance(std::chrono::seconds(6));
  ASSERT_TRUE(attempts->tick());
  EXPECT_GE(kube.removals().size(), 2U);
  EXPECT_TRUE(kube.pod("a-1").deleting);
}

TEST_F(CoreTest, CancelsAQueuedJobAtOnce) {
  for (const auto* id : {"a", "b", "c"}) submit(id);
  cancel("c");
  EXPECT_EQ(story("c"), "job.queued job.cancelled");
  EXPECT_EQ(last_event("c")["was"], "queued");
  EXPECT_EQ(last_event("c")["requested_by"], "ana");
  EXPECT_EQ(state->counters.queued_total(), 0);
  EXPECT_EQ(state->counters.pending_cost[1].value, 0);
}

TEST_F(CoreTest, CancelsARunningJobOnceItsPodIsGone) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  cancel("a");
  EXPECT_EQ(state_of("a"), JobState::cancelling);
  ASSERT_EQ(kube.removals().size(), 1U);
  EXPECT_EQ(state->counters.usage_total().pods, 1);  // it still takes its slot
  cancel("a");                                       // again: one answer will do for both
  kube.fail("a-1", clock.now(), 143);
  settle();
  EXPECT_EQ(story("a"), "job.queued job.launched job.started job.cancelled");
  EXPECT_EQ(last_event("a")["was"], "running");
  EXPECT_EQ(state->counters.usage_total().pods, 0);
}

TEST_F(CoreTest, CancelsAJobWhoseLaunchIsOnItsWay) {
  kube.hold_answers(true);
  submit("a");
  cancel("a");
  EXPECT_EQ(state_of("a"), JobState::cancelling);
  EXPECT_TRUE(kube.removals().empty());
  kube.hold_answers(false);
  kube.release_answers();
  settle();
  EXPECT_GE(kube.removals().size(), 1U);
  EXPECT_EQ(state_of("a"), JobState::cancelled);
  EXPECT_THAT(story("a"), HasSubstr("job.cancelled"));
  EXPECT_EQ(last_event("a")["was"], "launching");
}

TEST_F(CoreTest, ACancelOutlivesARestart) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  kube.script_remove(fail(ErrorKind::unavailable, "away"));
  cancel("a");
  begin_term(2);
  EXPECT_EQ(kube.removals().size(), 2U);
  kube.fail("a-1", clock.now(), 143);
  settle();
  EXPECT_EQ(state_of("a"), JobState::cancelled);
}

TEST_F(CoreTest, AJobThatFinishedBeforeTheCancelReachedItHasSucceeded) {
  submit("a");
  kube.run("a-1", clock.now());
  settle();
  kube.script_remove(fail(ErrorKind::unavailable, "away"));
  cancel("a");
  kube.succeed("a-1", clock.now());
  settle();
  EXPECT_EQ(state_of("a"), JobState::succeeded);
  EXPECT_EQ(story("a"), "job.queued job.launched job.started job.succeeded job.cancel-refused");
}

}  // namespace
}  // namespace oppen::core
