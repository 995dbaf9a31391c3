// The fold of the log, and which records agree with it.
#include "scheduler/core/logged.hpp"

#include <gtest/gtest.h>

#include "scheduler/core/first_record.hpp"
#include "scheduler/core/log_check.hpp"
#include "scheduler/core/nodes.hpp"
#include "schemas/job_events.hpp"

namespace oppen::core {
namespace {

constexpr Time noon{std::chrono::hours{500'000}};

client::ConsumedRecord step(std::string_view type, std::int64_t seq, const std::string& state) {
  const CloudEvent event{"id", "/test", std::string(type),
                         noon, "a",     {{"job_id", "a"}, {"seq", seq}, {"state", state}}};
  return {"job-events", 0, 0, noon, encode(event, "a")};
}

std::size_t differences(JobState state, const std::string& text, Time at = noon) {
  std::vector<Drift> drifts;
  check_logged("a", {4, state, at}, text, noon, drifts);
  return drifts.size();
}

std::string record(char state, int seq) {
  return std::string(1, state) + " 9 " + std::to_string(seq) +
         " n 1 16384 0 100 64 5 600 - 0 250 90 3600 kim";
}

TEST(Fold, TheHighestStepCountsAndAnswersAreNone) {
  std::unordered_map<std::string, Logged> jobs;
  EXPECT_EQ(fold(step(JobQueued::type, 1, "queued"), jobs), "a");
  EXPECT_EQ(fold(step(JobStarted::type, 3, "running"), jobs), "a");
  EXPECT_EQ(fold(step(JobLaunched::type, 2, "launching"), jobs), "a");  // late
  EXPECT_EQ(fold(step(JobDuplicate::type, 9, "queued"), jobs), "");
  EXPECT_EQ(fold({"job-events", 0, 0, noon, {"a", "not an event", {}}}, jobs), "");
  EXPECT_EQ(jobs.at("a").seq, 3);
  EXPECT_EQ(jobs.at("a").state, JobState::running);
}

TEST(CheckLogged, TheSameStepAndStateAgree) {
  EXPECT_EQ(differences(JobState::running, record('r', 4)), 0U);
  EXPECT_EQ(differences(JobState::succeeded, record('s', 4)), 0U);
  EXPECT_EQ(differences(JobState::running, record('s', 4)), 1U);
  EXPECT_EQ(differences(JobState::running, record('r', 3)), 1U);
  EXPECT_EQ(differences(JobState::running, record('s', 5)), 1U);
}

TEST(CheckLogged, SomeStatesAreWrittenBeforeTheirEvent) {
  EXPECT_EQ(differences(JobState::queued, record('l', 4)), 0U);
  EXPECT_EQ(differences(JobState::running, record('x', 4)), 0U);
  EXPECT_EQ(differences(JobState::succeeded, record('x', 4)), 1U);
  EXPECT_EQ(differences(JobState::queued, record('r', 4)), 1U);
}

TEST(CheckLogged, ARecordMayBeGoneAfterTheHorizonAlone) {
  EXPECT_EQ(differences(JobState::succeeded, ""), 1U);
  EXPECT_EQ(differences(JobState::succeeded, "", noon - queue::horizon), 0U);
  EXPECT_EQ(differences(JobState::queued, "", noon - queue::horizon), 1U);
}

TEST(Tried, CountsProcessesThatBeganAndDidNotFinish) {
  auto tried = Tried::parse("").next(7, "p1");
  EXPECT_EQ(tried.text(), "7 1 p1");
  tried = Tried::parse(tried.text()).next(7, "p1");
  EXPECT_EQ(tried.count, 1) << "the same process has not crashed";
  tried = Tried::parse(tried.text()).next(7, "p2").next(7, "p3");
  EXPECT_EQ(tried.count, 3);
  EXPECT_EQ(tried.next(8, "p4").text(), "8 1 p4");
  EXPECT_EQ(Tried::parse("nonsense").next(8, "p").count, 1);
}

TEST(NoteOf, TellsRecordsApart) {
  client::ConsumedRecord one{"jobs", 0, 5, noon, {"k", "value", {}}};
  auto other = one;
  EXPECT_EQ(note_of(one), note_of(other));
  EXPECT_EQ(note_of(one).substr(0, 2), "5 ");
  other.record.value = "another";
  EXPECT_NE(note_of(one), note_of(other));
  other = one;
  other.timestamp += std::chrono::milliseconds(1);
  EXPECT_NE(note_of(one), note_of(other));
}

TEST(Nodes, TellTheLargestOfThoseThatTakePods) {
  Nodes nodes;
  EXPECT_TRUE(nodes.sizes()->empty());
  const auto node = [](const char* name, const char* product, plan::Amounts offers) {
    kube::Node made;
    made.name = name;
    made.schedulable = true;
    made.gpu_product = product;
    made.allocatable = offers;
    return made;
  };
  auto cordoned = node("cordoned", "A100", {110, 8, 64'000, 1 << 30});
  cordoned.schedulable = false;
  auto away = node("away", "A100", {110, 4, 32'000, 1 << 20});
  away.not_ready_since = noon;
  nodes.update({node("small", "T4", {110, 1, 8'000, 1 << 20}), cordoned, away,
                node("cpu", "", {110, 0, 64'000, 1 << 20}), node("starting", "T4", {}),
                node("twin", "T4", {110, 1, 8'000, 1 << 20})});
  const auto kept = nodes.sizes();
  EXPECT_EQ(*kept, (NodeSizes{{"", {{110, 4, 32'000, 1 << 20}, {110, 0, 64'000, 1 << 20}}},
                              {"T4", {{110, 1, 8'000, 1 << 20}}},
                              {"A100", {{110, 4, 32'000, 1 << 20}}}}));
  nodes.update({});
  EXPECT_TRUE(nodes.sizes()->empty());
  EXPECT_EQ(kept->size(), 3U) << "who keeps it reads on";
}

TEST(Nodes, AreAwayWhileNotReadyAndWhenTheyAreGone) {
  Nodes nodes;
  EXPECT_FALSE(nodes.away_since("n", noon)) << "nothing is known of any node";
  kube::Node ready;
  ready.name = "n";
  ready.gpu_product = "A100";
  nodes.update({ready});
  EXPECT_EQ(nodes.gpu_product("n"), "A100");
  EXPECT_FALSE(nodes.away_since("n", noon));
  auto broken = ready;
  broken.not_ready_since = noon - std::chrono::minutes(2);
  nodes.update({broken});
  EXPECT_EQ(nodes.away_since("n", noon), noon - std::chrono::minutes(2));
  kube::Node other;
  other.name = "other";
  nodes.update({other});
  EXPECT_EQ(nodes.away_since("n", noon), noon);
  EXPECT_EQ(nodes.away_since("n", noon + std::chrono::minutes(1)), noon)
      << "since it was missed first";
  nodes.update({ready, other});
  EXPECT_FALSE(nodes.away_since("n", noon));
  EXPECT_FALSE(nodes.away_since("", noon)) << "not on any node yet";
}

}  // namespace
}  // namespace oppen::core
