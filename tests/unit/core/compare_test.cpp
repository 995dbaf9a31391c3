// What the audit and --verify take for a difference, and what they let pass.
#include "scheduler/core/compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/core/drift.hpp"

namespace oppen::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

LiveView live(const std::string& job_id, int attempt = 1) {
  return {
      job_id,     3,    JobState::running, Priority::normal, attempt, {1, 2, 1000, 64}, true, "uid",
      "vision -", {500}};
}

kube::Pod pod(const std::string& name, const std::string& uid = "uid") {
  kube::Pod pod;
  pod.name = name;
  pod.uid = uid;
  pod.job_id = "a";
  pod.managed = true;
  pod.phase = "Running";
  pod.priority_class = "normal";
  pod.requests = {1, 2, 1000, 64};
  return pod;
}

constexpr auto header = "r 3 4 n 1 16384 2 1000 64 500 60000 - 0 250 90 3600 kim";
constexpr Time present{std::chrono::hours{500'000}};

TEST(CompareSums, NamesEachSumThatDiffersAndWhoseItIs) {
  auto counted = sums_of(std::vector{live("a"), live("b")});
  counted["gpus:normal"] += 1;
  std::vector<Drift> drifts;
  compare_sums(sums_of(std::vector{live("a"), live("b")}), counted, {live("a"), live("b")}, true,
               drifts);
  ASSERT_EQ(drifts.size(), 1U);
  EXPECT_EQ(drifts[0].sentence(), "gpus: normal: expected 4, found 5 (a, b)");
}

TEST(CompareSums, TheSumsOfLiveAttemptsAreThoseThatTheScriptsKeep) {
  queue::Counters counters;
  counters.usage[static_cast<std::size_t>(Priority::normal)] = {1, 2, 1000, 64};
  counters.jobs_by_priority[static_cast<std::size_t>(Priority::normal)][JobState::running] = 1;
  counters.committed["vision -"] = {500};
  std::vector<Drift> drifts;
  compare_sums(sums_of(std::vector{live("a")}, counters), sums_of(counters), {}, true, drifts);
  EXPECT_TRUE(drifts.empty());
}

TEST(CompareSums, WhatIsCommittedForNobodyIsFound) {
  queue::Counters counters;
  counters.committed["speech ocr"] = {7};
  std::vector<Drift> drifts;
  compare_sums(sums_of(std::vector<LiveView>{}, counters), sums_of(counters), {}, true, drifts);
  ASSERT_EQ(drifts.size(), 1U);
  EXPECT_EQ(drifts[0].sentence(), "committed: speech ocr: expected 0, found 7");
}

TEST(CheckQueued, ARecordMustSayThatItStandsThere) {
  std::vector<Drift> drifts;
  check_queued({"a", 16384, "q 1 1 n 0 16384 2 1000 64 500 60000 - 0 250 90 3600 kim"},
               Priority::normal, drifts);
  EXPECT_TRUE(drifts.empty());
  check_queued({"a", 16384, ""}, Priority::normal, drifts);
  check_queued({"a", 16384, header}, Priority::normal, drifts);
  check_queued({"a", 16384, "q 1 1 u 0 16384 2 1000 64 500 60000 - 0 250 90 3600 kim"},
               Priority::normal, drifts);
  check_queued({"a", 5, "q 1 1 n 0 16384 2 1000 64 500 60000 - 0 250 90 3600 kim"},
               Priority::normal, drifts);
  ASSERT_EQ(drifts.size(), 4U);
  EXPECT_EQ(drifts[0].found, "no record");
  EXPECT_THAT(drifts[1].found, HasSubstr("state running"));
  EXPECT_THAT(drifts[2].found, HasSubstr("priority urgent"));
  EXPECT_THAT(drifts[3].found, HasSubstr("place 16384"));
}

TEST(CheckLive, WhatChangedSinceIsLeftAlone) {
  std::vector<Drift> drifts;
  auto view = live("a");
  check_live({"a", 16384, header}, &view, drifts);
  view.version = 2;  // older than the record
  view.state = JobState::launching;
  check_live({"a", 16384, header}, &view, drifts);
  EXPECT_TRUE(drifts.empty());
  view.version = 3;
  check_live({"a", 16384, header}, &view, drifts);
  check_live({"a", 16384, header}, nullptr, drifts);
  check_live({"a", 16384, "q 4 4 n 1 16384 2 1000 64 500 60000 - 0 250 90 3600 kim"}, &view,
             drifts);
  ASSERT_EQ(drifts.size(), 3U);
  EXPECT_THAT(drifts[0].expected, HasSubstr("state launching"));
  EXPECT_THAT(drifts[0].found, HasSubstr("state running"));
}

TEST(PodComparison, MissingAndStrayAndOthers) {
  const std::vector<LiveView> views{live("a"), live("b"), live("c", 2)};
  PodComparison pods(views, present);
  pods.add(pod("a-1"));
  pods.add(pod("b-1", "other uid"));
  pods.add(pod("c-1"));  // an earlier attempt
  auto foreign = pod("somebody");
  foreign.managed = false;
  pods.add(foreign);
  std::vector<Drift> drifts;
  pods.finish(drifts);
  std::vector<std::string> found;
  for (const auto& drift : drifts) found.push_back(drift.kind + " " + drift.subject);
  EXPECT_THAT(found, ::testing::UnorderedElementsAre("pod_missing pod b-1", "pod_missing pod c-2",
                                                     "pod_stray pod c-1"));
}

TEST(PodComparison, AnAttemptThatIsNotLaunchedYetNeedsNoPodAndADeletedPodHasItsTime) {
  auto view = live("a");
  view.launched = false;
  const std::vector<LiveView> views{view};
  PodComparison pods(views, present);
  auto leaving = pod("old-1");
  leaving.deleting = true;
  leaving.delete_by = present;
  pods.add(leaving);
  std::vector<Drift> drifts;
  pods.finish(drifts);
  EXPECT_TRUE(drifts.empty());
  PodComparison later(views, present + std::chrono::minutes(5));
  later.add(leaving);
  later.finish(drifts);
  EXPECT_EQ(drifts.size(), 1U);
}

TEST(PodComparison, AQuotaCountsThePodsOfItsClass) {
  const std::vector<LiveView> views{live("a")};
  PodComparison pods(views, present);
  pods.add(pod("a-1"));
  const kube::SurveyedQuota right{{"all", "", {{"gpus", 8}}, {{"gpus", 2}, {"pods", 1}}}, "1"};
  const kube::SurveyedQuota wrong{{"of-normal", "normal", {{"gpus", 8}}, {{"gpus", 3}}}, "1"};
  const kube::SurveyedQuota other{{"of-urgent", "urgent", {{"gpus", 8}}, {{"gpus", 0}}}, "1"};
  std::vector<Drift> drifts;
  pods.finish_quotas({right, wrong, other}, {right, wrong, other}, drifts);
  ASSERT_EQ(drifts.size(), 1U);
  EXPECT_EQ(drifts[0].sentence(), "quota: of-normal gpus: expected 2, found 3");
  drifts.clear();
  auto before = wrong;
  before.quota.used["gpus"] = 2;
  pods.finish_quotas({right, before, other}, {right, wrong, other}, drifts);
  EXPECT_TRUE(drifts.empty()) << "it changed while the pods were read";
}

TEST(Confirmed, TellsOnceOfWhatTwoLooksInARowHaveFound) {
  const Drift once{"pod_stray", "pod a-1", "none", "one", {"a"}, false};
  const Drift sure{"queued", "normal", "1", "2", {}, true};
  Confirmed confirmed;
  const auto kinds = [](const std::vector<Drift>& drifts) {
    std::vector<std::string> names;
    for (const auto& drift : drifts) names.push_back(drift.kind);
    return names;
  };
  EXPECT_THAT(kinds(confirmed.add({once, sure})), ElementsAre("queued"));
  EXPECT_THAT(kinds(confirmed.add({once, sure})), ElementsAre("pod_stray"));
  EXPECT_THAT(kinds(confirmed.add({once, sure})), ElementsAre());
  EXPECT_THAT(kinds(confirmed.add({})), ElementsAre());
  EXPECT_THAT(kinds(confirmed.add({once})), ElementsAre()) << "it was gone in between";
  EXPECT_THAT(kinds(confirmed.add({once})), ElementsAre("pod_stray"));
}

TEST(Confirmed, WhatIsWrittenAgainIsConfirmedAnewAndToldOfOnce) {
  Confirmed confirmed;
  const auto told = [&](const char* version) {
    return confirmed.add({{"quota", "gpus", "5", "6", {}, false, version}}).size();
  };
  EXPECT_EQ(told("1"), 0U);
  EXPECT_EQ(told("2"), 0U) << "it may have been behind both times";
  EXPECT_EQ(told("2"), 1U);
  EXPECT_EQ(told("3"), 0U);
  EXPECT_EQ(told("3"), 0U) << "it has lasted all the time";
}

TEST(DriftKinds, EachSaysWhatItMeansAndWhatHeals) {
  for (const auto& kind : drift_kinds()) {
    EXPECT_FALSE(std::string(kind.means).empty()) << kind.name;
    EXPECT_FALSE(std::string(kind.heals).empty()) << kind.name;
  }
}

}  // namespace
}  // namespace oppen::core
