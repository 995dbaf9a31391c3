// Proves that the fake behaves like the API server where the scheduler's tests lean on it: names
// are unique, a finalizer holds a deleted pod, and outcomes can be scripted and held back.
#include "tests/support/fake_kube.hpp"

#include <gtest/gtest.h>

#include "scheduler/kube/pod_manifest.hpp"

namespace oppen::test {
namespace {

using kube::LaunchOutcome;
using kube::LaunchResult;
using kube::Pod;

class FakeKubeTest : public ::testing::Test {
 protected:
  FakeKubeTest() {
    kube::KubeEvents events;
    events.on_pod_list = [this](std::vector<Pod> pods) { listed = pods.size(); };
    events.on_pod = [this](const Pod& pod, bool deleted) {
      last = pod;
      gone = deleted;
    };
    kube.start(std::move(events), {});
  }

  std::string manifest(const std::string& job, int attempt, const std::string& hash = "h") const {
    JobSpec spec;
    spec.job_id = job;
    kube::PodContext context;
    context.attempt = attempt;
    context.spec_hash = hash;
    return kube::pod_manifest(spec, context);
  }

  LaunchOutcome launch(const std::string& hash = "h") {
    LaunchOutcome outcome;
    kube.launch("a-1", manifest("a", 1, hash), std::chrono::seconds{1},
                [&](LaunchOutcome o) { outcome = std::move(o); });
    return outcome;
  }

  FakeKube kube;
  std::size_t listed = 99;
  Pod last;
  bool gone = false;
};

TEST_F(FakeKubeTest, LaunchesOnceAndKnowsAClash) {
  EXPECT_EQ(listed, 0U);
  EXPECT_EQ(launch().result, LaunchResult::launched);
  EXPECT_EQ(last.job_id, "a");
  const std::string uid = kube.pod("a-1").uid;
  const LaunchOutcome again = launch();
  EXPECT_EQ(again.result, LaunchResult::launched);
  EXPECT_EQ(again.pod->uid, uid);
  EXPECT_EQ(launch("other").result, LaunchResult::clash);
  EXPECT_EQ(kube.launches().size(), 3U);
}

TEST_F(FakeKubeTest, AFinalizerHoldsADeletedPod) {
  launch();
  kube.delete_by_hand("a-1");
  EXPECT_TRUE(last.deleting);
  EXPECT_FALSE(gone);
  kube.release("a-1", "another uid", [](const Status&) {});
  EXPECT_EQ(kube.pods().size(), 1U);
  kube.release("a-1", last.uid, [](const Status&) {});
  EXPECT_TRUE(gone);
  EXPECT_TRUE(kube.pods().empty());
}

TEST_F(FakeKubeTest, ScriptsOutcomes) {
  kube.script_launch(LaunchResult::over_quota, "exceeded quota");
  kube.script_lost_launch();
  EXPECT_EQ(launch().result, LaunchResult::over_quota);
  EXPECT_TRUE(kube.pods().empty());
  EXPECT_EQ(launch().result, LaunchResult::unavailable);
  EXPECT_EQ(kube.pods().size(), 1U);

  kube.hold_answers(true);
  bool answered = false;
  kube.remove("a-1", kube.pod("a-1").uid, std::chrono::seconds{0},
              [&](const Status&) { answered = true; });
  EXPECT_FALSE(answered);
  kube.release_answers();
  EXPECT_TRUE(answered);
  EXPECT_TRUE(kube.pod("a-1").deleting);
}

TEST_F(FakeKubeTest, DrivesPods) {
  launch();
  kube.run("a-1", Time{std::chrono::seconds{10}});
  EXPECT_EQ(last.phase, "Running");
  kube.succeed("a-1", Time{std::chrono::seconds{20}}, "{}");
  EXPECT_TRUE(last.terminal());
  EXPECT_EQ(last.exit_code, 0);
  kube.vanish("a-1");
  kube.relist();
  EXPECT_EQ(listed, 0U);
}

}  // namespace
}  // namespace oppen::test
