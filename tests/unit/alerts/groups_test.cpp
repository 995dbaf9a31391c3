// Many things with the same trouble.
#include "workers/anomaly/episodes/groups.hpp"

#include <gmock/gmock.h>

#include "tests/unit/alerts/at.hpp"
#include "workers/anomaly/episodes/episodes.hpp"

namespace oppen::anomaly {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Finding idle_pod(const std::string& pod, const std::string& team, bool holds = true) {
  Labels labels{{"namespace", "ml"}, {"pod", pod}, {"node", "node-1"}};
  if (!team.empty()) labels["team"] = team;
  auto finding = about("gpu_idle_held", labels);
  finding.holds = holds;
  finding.severity = "warning";
  finding.badness = 1;
  finding.summary = pod + " does nothing";
  return finding;
}

class GroupsTest : public testing::Test {
 protected:
  std::vector<Finding> idle(int count, const std::string& team, int still = 1'000) {
    std::vector<Finding> findings;
    for (int i = 0; i < count; ++i)
      findings.push_back(idle_pod(team + std::to_string(i), team, i < still));
    return findings;
  }
  // A look each minute; what is said, as "state of".
  std::vector<std::string> run(const std::vector<Finding>& findings, std::chrono::minutes until) {
    std::vector<std::string> all;
    for (; next_ <= until; next_ += 1min) {
      for (const auto& said : episodes_.look(findings, at(next_))) {
        const auto& labels = said.alert.labels;
        all.push_back(said.alert.state + " " +
                      (is_group(labels) ? labels.at("group") : labels.at("pod")));
        last_ = said.alert;
      }
    }
    return all;
  }
  void restart() {
    std::vector<Cell> cells;
    episodes_.take_changes(cells);
    episodes_ = {};
    for (const auto& cell : cells) {
      if (!cell.value.empty()) {
        ASSERT_TRUE(episodes_.load(cell.hash, cell.field, cell.value));
      }
    }
  }

  Episodes episodes_;
  std::chrono::minutes next_{0};
  Alert last_;
};

TEST_F(GroupsTest, ManyPodsOfATeamAreOneAlert) {
  EXPECT_THAT(run(idle(7, "vision"), 60min), ElementsAre("firing pods"));
  EXPECT_EQ(last_.labels, (Labels{{"group", "pods"}, {"team", "vision"}}));
  EXPECT_EQ(last_.severity, "warning");
  EXPECT_THAT(last_.summary, HasSubstr("7 pods of team vision at once: vision0, "));
  EXPECT_THAT(last_.summary, HasSubstr("and 2 more. The first: vision0 does nothing"));
  restart();
  EXPECT_THAT(run(idle(7, "vision"), 90min), IsEmpty());
  // Their ends are not told singly either.
  EXPECT_THAT(run(idle(7, "vision", 0), 200min), ElementsAre("resolved pods"));
}

TEST_F(GroupsTest, FewAreToldOneByOne) {
  EXPECT_THAT(run(idle(4, "vision"), 60min),
              testing::UnorderedElementsAre("firing vision0", "firing vision1", "firing vision2",
                                            "firing vision3"));
}

TEST_F(GroupsTest, OfEachTeamByItself) {
  auto findings = idle(5, "vision");
  for (auto& one : idle(3, "speech")) findings.push_back(one);
  EXPECT_THAT(run(findings, 60min),
              testing::UnorderedElementsAre("firing pods", "firing speech0", "firing speech1",
                                            "firing speech2"));
}

TEST_F(GroupsTest, WithoutATeamOfTheNode) {
  std::vector<Finding> findings;
  for (int i = 0; i < 5; ++i) findings.push_back(idle_pod("p" + std::to_string(i), ""));
  EXPECT_THAT(run(findings, 60min), ElementsAre("firing pods"));
  EXPECT_EQ(last_.labels, (Labels{{"group", "pods"}, {"node", "node-1"}}));
}

TEST_F(GroupsTest, ThoseThatAreLeftAreToldWhenItIsNoGroupAnyMore) {
  run(idle(5, "vision"), 60min);
  EXPECT_THAT(run(idle(5, "vision", 2), 100min),
              testing::UnorderedElementsAre("firing vision0", "firing vision1", "resolved pods"));
}

TEST_F(GroupsTest, ThoseThatWereToldBeforeAreEndedByThemselves) {
  run(idle(2, "vision"), 60min);
  EXPECT_THAT(run(idle(6, "vision"), 120min), ElementsAre("firing pods"));
  EXPECT_THAT(
      run(idle(6, "vision", 0), 200min),
      testing::UnorderedElementsAre("resolved vision0", "resolved vision1", "resolved pods"));
}

TEST_F(GroupsTest, AGroupThatGrowsIsUpdatedAtMostEveryTenMinutes) {
  run(idle(5, "vision"), 60min);
  EXPECT_THAT(run(idle(20, "vision"), 95min), ElementsAre("updated pods"));
}

TEST_F(GroupsTest, AQuarterMoreIsToldAgain) {
  run(idle(8, "vision"), 60min);
  EXPECT_THAT(run(idle(9, "vision"), 100min), IsEmpty());
  EXPECT_THAT(run(idle(10, "vision"), 140min), ElementsAre("updated pods"));
}

TEST_F(GroupsTest, TheGravestAndWorstAreNamed) {
  auto findings = idle(9, "vision");
  for (auto& one : findings) one.severity = "info";
  findings[6].severity = "warning";
  findings[7].badness = 2;
  run(findings, 60min);
  EXPECT_EQ(last_.severity, "warning");
  EXPECT_THAT(last_.summary, HasSubstr("at once: vision6, vision7, vision0, vision1, vision2 and"));
  EXPECT_THAT(last_.summary, HasSubstr("The first: vision6 does nothing"));
}

TEST_F(GroupsTest, WhatBecomesCriticalIsToldByItselfUnlessTheseAreManyToo) {
  auto findings = idle(14, "vision");
  run(findings, 60min);
  findings[8].severity = "critical";
  EXPECT_THAT(run(findings, 61min), ElementsAre("firing vision8"));
  EXPECT_EQ(last_.severity, "critical");
  findings[9].severity = "critical";
  EXPECT_THAT(run(findings, 62min), ElementsAre("firing vision9"));
  findings[8].severity = "warning";
  EXPECT_THAT(run(findings, 63min), IsEmpty());
  for (std::size_t i = 9; i < 14; ++i) findings[i].severity = "critical";
  EXPECT_THAT(run(findings, 90min), ElementsAre("firing pods"));
  EXPECT_EQ(last_.labels,
            (Labels{{"group", "pods"}, {"severity", "critical"}, {"team", "vision"}}));
  EXPECT_THAT(last_.summary, HasSubstr("5 pods of team vision at once: vision10, "));
}

TEST_F(GroupsTest, WhoeverIsSilencedIsNoMember) {
  AlertSilence silence;
  silence.silence_id = "s";
  silence.matchers.labels = {{"pod", "vision0"}};
  silence.until = at(500min);
  episodes_.take(silence);
  const auto said = run(idle(5, "vision"), 60min);
  EXPECT_EQ(said.size(), 4U) << "four are too few";
  EXPECT_THAT(said, testing::Not(testing::Contains("firing vision0")));
}

TEST_F(GroupsTest, WhatExplainsAPodExplainsItInTheGroupToo) {
  auto findings = idle(6, "vision");
  for (const auto& one : idle(6, "vision")) {
    auto low = one;
    low.kind = "gpu_underutilized";
    findings.push_back(low);
  }
  EXPECT_THAT(run(findings, 60min), ElementsAre("firing pods"));
  EXPECT_EQ(last_.kind, "gpu_idle_held");
}

}  // namespace
}  // namespace oppen::anomaly
