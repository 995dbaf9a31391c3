// What a pod's end means for its attempt: success, and the class of each kind of failure.
#include "scheduler/core/pod_end.hpp"

#include <gtest/gtest.h>

namespace oppen::core {
namespace {

kube::Pod failed(const std::string& reason, std::optional<int> exit_code) {
  kube::Pod pod;
  pod.phase = "Failed";
  pod.node = "node-1";
  pod.started_at = Time{};
  pod.reason = reason;
  pod.exit_code = exit_code;
  return pod;
}

TEST(PodEnd, ExplainsEachKindOfFailure) {
  EXPECT_EQ(explain_end(nullptr).failure, FailureClass::lost);
  const struct {
    kube::Pod pod;
    FailureClass expected;
  } cases[] = {
      {failed("Error", 1), FailureClass::user_error},
      {failed("OOMKilled", 137), FailureClass::oom},
      {failed("DeadlineExceeded", 137), FailureClass::deadline},
      {failed("Evicted", std::nullopt), FailureClass::node},
      {failed("NodeLost", std::nullopt), FailureClass::node},
      {failed("Preempting", 143), FailureClass::preempted},
      {failed("PreemptionByScheduler", 143), FailureClass::preempted},
      {failed("DeletionByTaintManager", std::nullopt), FailureClass::node},
  };
  for (const auto& one : cases)
    EXPECT_EQ(explain_end(&one.pod).failure, one.expected) << one.pod.reason;
}

TEST(PodEnd, DeletedByHandWhileItRanIsLostWhateverItsExitCode) {
  auto pod = failed("Error", 143);
  pod.deleting = true;
  EXPECT_EQ(explain_end(&pod).failure, FailureClass::lost);
}

TEST(PodEnd, DeletedAfterItsEndEndedAsItDid) {
  auto pod = failed("Error", 1);
  pod.deleting = true;
  pod.finished_at = Time{std::chrono::seconds(9)};
  pod.deleted_at = Time{std::chrono::seconds(10)};
  EXPECT_EQ(explain_end(&pod).failure, FailureClass::user_error);
  pod.finished_at = pod.deleted_at;  // whole seconds: it may have been the deletion
  EXPECT_EQ(explain_end(&pod).failure, FailureClass::lost);
}

TEST(PodEnd, NeverStartedIsALaunchFailure) {
  auto pod = failed("", std::nullopt);
  pod.started_at.reset();
  EXPECT_EQ(explain_end(&pod).failure, FailureClass::launch);
}

TEST(PodEnd, TellsTheExitCodeInWords) {
  const auto pod = failed("Error", 3);
  EXPECT_EQ(explain_end(&pod).message, "the container ended with exit code 3");
  EXPECT_EQ(explain_end(&pod).exit_code, 3);
}

TEST(PodEnd, MetricsAreNoExplanation) {
  auto pod = failed("Error", 3);
  pod.termination_message = pod.message = R"({"accuracy":0.1})";
  EXPECT_EQ(explain_end(&pod).message, "the container ended with exit code 3");
  pod.termination_message = pod.message = "no such file: train.csv";
  EXPECT_EQ(explain_end(&pod).message, "Error: no such file: train.csv");
}

TEST(PodEnd, OnlyAJsonObjectIsMetrics) {
  auto pod = failed("", 0);
  pod.termination_message = R"({"accuracy":0.98})";
  EXPECT_EQ(reported_metrics(pod)["accuracy"], 0.98);
  for (const auto* text : {"", "done", "[1]", "0.98", "{\"accuracy\":"}) {
    pod.termination_message = text;
    EXPECT_TRUE(reported_metrics(pod).is_null()) << text;
  }
}

TEST(PodEnd, ADeletedPodWithoutANodeHasEnded) {
  kube::Pod pod;
  pod.phase = "Pending";
  EXPECT_FALSE(has_ended(pod));
  pod.deleting = true;
  EXPECT_TRUE(has_ended(pod));
  pod.node = "node-1";  // the kubelet will end it
  EXPECT_FALSE(has_ended(pod));
}

}  // namespace
}  // namespace oppen::core
