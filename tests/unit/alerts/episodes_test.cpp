// From what is found to what is said.
#include "workers/anomaly/episodes/episodes.hpp"

#include <limits>

#include "tests/unit/alerts/at.hpp"
#include "workers/anomaly/episodes/kinds.hpp"

namespace oppen::anomaly {
namespace {

Finding hot(const std::string& uuid, bool holds = true, double badness = 5) {
  auto finding = about("gpu_hot", {{"node", "node-1"}, {"gpu_uuid", uuid}});
  finding.holds = holds;
  finding.severity = "warning";
  finding.badness = badness;
  finding.summary = uuid + " is hot";
  return finding;
}

class EpisodesTest : public testing::Test {
 protected:
  // A look each minute, until and with `until`; what is said, as "state".
  std::vector<std::string> run(const std::vector<Finding>& findings, std::chrono::minutes until) {
    std::vector<std::string> states;
    for (; next_ <= until; next_ += 1min) {
      for (const auto& said : episodes_.look(findings, at(next_))) {
        states.push_back(said.alert.state);
        said_.push_back(said);
      }
    }
    return states;
  }
  void restart() {
    std::vector<Cell> cells;
    episodes_.take_changes(cells);
    for (const auto& cell : cells) stored_[{cell.hash, cell.field}] = cell.value;
    episodes_ = {};
    for (const auto& [where, value] : stored_) {
      if (value.empty()) continue;
      ASSERT_TRUE(episodes_.load(where.first, where.second, value)) << value;
    }
  }
  using States = std::vector<std::string>;

  Episodes episodes_;
  std::chrono::minutes next_{0};
  std::vector<Said> said_;
  std::map<std::pair<std::string, std::string>, std::string> stored_;
};

TEST_F(EpisodesTest, FiresWhenItHasHeldAndIsOverWhenItHasBeenWell) {
  EXPECT_EQ(run({hot("a")}, 1min), States{});
  EXPECT_EQ(run({hot("a", false)}, 2min), States{});
  EXPECT_EQ(run({hot("a")}, 4min), States{});
  restart();
  EXPECT_EQ(run({hot("a")}, 60min), States{"firing"});
  EXPECT_EQ(run({hot("a", false)}, 65min), States{});
  EXPECT_EQ(run({hot("a")}, 66min), States{}) << "it was not well for long enough";
  restart();
  EXPECT_EQ(run({hot("a", false)}, 80min), States{"resolved"});
  const auto firing = said_[0].alert;
  const auto resolved = said_[1].alert;
  EXPECT_EQ(firing.started_at, at(3min));
  EXPECT_EQ(firing.severity, "warning");
  EXPECT_EQ(resolved.started_at, firing.started_at);
  EXPECT_EQ(resolved.ended_at, at(67min));
  EXPECT_EQ(resolved.fingerprint, firing.fingerprint);
  EXPECT_NE(resolved.alert_id, firing.alert_id);
  // It comes again: another episode of the same fingerprint.
  EXPECT_EQ(run({hot("a")}, 90min), States{"firing"});
  EXPECT_EQ(said_[2].alert.fingerprint, firing.fingerprint);
  EXPECT_NE(said_[2].alert.alert_id, firing.alert_id);
}

TEST_F(EpisodesTest, TheSameFindingsGiveTheSameIds) {
  run({hot("a"), hot("b")}, 10min);
  Episodes again;
  std::vector<std::string> ids;
  for (auto minute = 0min; minute <= 10min; minute += 1min) {
    for (const auto& said : again.look({hot("b"), hot("a")}, at(minute)))
      ids.push_back(said.alert.alert_id);
  }
  ASSERT_EQ(ids.size(), 2);
  EXPECT_EQ(ids[0], said_[0].alert.alert_id);
  EXPECT_EQ(ids[1], said_[1].alert.alert_id);
}

TEST_F(EpisodesTest, ToldAgainOnlyWhenClearlyWorse) {
  run({hot("a", true, 5)}, 5min);
  EXPECT_EQ(run({hot("a", true, 6)}, 30min), States{});
  EXPECT_EQ(run({hot("a", true, 7)}, 60min), States{"updated"});
  auto grave = hot("a", true, 7);
  grave.severity = "critical";
  EXPECT_EQ(run({grave}, 61min), States{"updated"});
  EXPECT_EQ(run({grave}, 90min), States{});
  EXPECT_EQ(run({hot("a", true, 7)}, 120min), States{});
}

TEST_F(EpisodesTest, WhatItsRuleForgetsIsOver) {
  run({hot("a")}, 5min);
  EXPECT_EQ(run({}, 14min), States{});
  EXPECT_EQ(run({}, 20min), States{"resolved"});
  EXPECT_EQ(said_.back().alert.ended_at, at(5min));
}

TEST_F(EpisodesTest, SilencedIsToldLaterIfItStillHolds) {
  AlertSilence silence{"s", {"gpu_hot", {{"node", "node-1"}}}, at(30min), "eva", ""};
  episodes_.take(silence);
  AlertSilence of_others{"o", {"", {{"node", "node-2"}}}, at(24h), "eva", ""};
  episodes_.take(of_others);
  EXPECT_EQ(run({hot("a"), hot("b")}, 20min), States{});
  EXPECT_EQ(run({hot("a"), hot("b", false)}, 29min), States{});
  restart();
  EXPECT_EQ(run({hot("a"), hot("b", false)}, 40min), States{"firing"});
  EXPECT_EQ(said_.back().alert.started_at, at(0min));
  silence.until = at(60min);
  episodes_.take(silence);
  EXPECT_EQ(run({hot("a", true, 50)}, 45min), States{});
  EXPECT_EQ(run({hot("a", false)}, 55min), States{"resolved"}) << "it was told before";
}

TEST_F(EpisodesTest, NoiseRaisesTheBarAndUsefulTakesItAway) {
  run({hot("a")}, 5min);
  AlertFeedback feedback{said_[0].alert.fingerprint, "noise", "eva", "", {}};
  episodes_.take(feedback, at(5min));
  EXPECT_EQ(run({hot("a")}, 20min), States{"resolved"});
  EXPECT_EQ(run({hot("a", true, 6)}, 60min), States{});
  restart();
  EXPECT_EQ(run({hot("a", true, 7)}, 80min), States{"firing"});
  EXPECT_EQ(run({hot("a", false)}, 100min), States{"resolved"});
  feedback.feedback = "useful";
  episodes_.take(feedback, at(100min));
  EXPECT_EQ(run({hot("a")}, 110min), States{"firing"});
}

TEST_F(EpisodesTest, PlannedIsNotToldUntilItEnds) {
  run({hot("a")}, 5min);
  run({hot("a", false)}, 20min);
  episodes_.take(AlertFeedback{said_[0].alert.fingerprint, "planned", "eva", "", at(50min)},
                 at(20min));
  EXPECT_EQ(run({hot("a")}, 49min), States{});
  EXPECT_EQ(run({hot("a")}, 51min), States{"firing"});
}

TEST_F(EpisodesTest, AFaultOfTheNodeExplainsWhatIsIdleThere) {
  auto fault = about("gpu_fault", {{"node", "node-1"}, {"gpu_uuid", "x"}, {"class", "hardware"}});
  fault.severity = "critical";
  const auto idle = [](const std::string& node) {
    auto finding =
        about("gpu_idle_held", {{"node", node}, {"namespace", "ml"}, {"pod", "p-" + node}});
    finding.severity = "warning";
    return finding;
  };
  EXPECT_EQ(run({idle("node-1"), fault, idle("node-2")}, 60min), (States{"firing", "firing"}));
  EXPECT_EQ(said_[0].alert.kind, "gpu_fault");
  EXPECT_EQ(said_[1].alert.labels.at("node"), "node-2");
  fault.holds = false;
  EXPECT_EQ(run({idle("node-1"), fault, idle("node-2")}, 70min), (States{"resolved", "firing"}));
  EXPECT_EQ(said_.back().alert.labels.at("node"), "node-1");
}

TEST_F(EpisodesTest, ACostSpikeExplainsTheCostRateButNotThatOfAnotherTeam) {
  const auto explains = [](const Labels& spike, Labels rate) {
    rate["series"] = "cost_rate";
    return inhibits("cost_spike", spike, "unusual", rate);
  };
  EXPECT_TRUE(explains({{"team", "vision"}}, {{"team", "vision"}}));
  EXPECT_TRUE(explains({{"team", "vision"}}, {}));
  EXPECT_TRUE(explains({}, {{"team", "vision"}}));
  EXPECT_TRUE(explains({{"gpu_type", "A100"}}, {{"team", "vision"}}));
  EXPECT_FALSE(explains({{"team", "vision"}}, {{"team", "speech"}}));
}

TEST_F(EpisodesTest, WhatIsProposedComesWithTheAlertOnce) {
  auto spike = about("cost_spike", {{"team", "vision"}});
  spike.severity = "warning";
  spike.badness = 10;
  spike.remedy =
      Remedy{"limit it", {1'000'000}, {{"key", "max_concurrent_jobs"}, {"value", "1"}}, {}};
  run({spike}, 15min);
  ASSERT_EQ(said_.size(), 1);
  ASSERT_TRUE(said_[0].proposal);
  EXPECT_EQ(said_[0].proposal->proposal_id, said_[0].alert.proposal_id);
  EXPECT_EQ(said_[0].proposal->predicted_savings.value, 1'000'000);
  EXPECT_EQ(said_[0].proposal->changes["value"], "1");
  EXPECT_GT(said_[0].proposal->expires_at, said_[0].at);
  restart();
  spike.badness = 20;
  run({spike}, 40min);
  ASSERT_EQ(said_.size(), 2);
  EXPECT_EQ(said_[1].alert.state, "updated");
  EXPECT_FALSE(said_[1].proposal);
  EXPECT_EQ(said_[1].alert.proposal_id, said_[0].alert.proposal_id);
}

TEST_F(EpisodesTest, WhatIsNoNumberIsLeftOutAndStored) {
  auto finding = hot("a", true, std::numeric_limits<double>::quiet_NaN());
  finding.expected = 85;
  finding.actual = std::numeric_limits<double>::infinity();
  finding.causes = {{"team", "vision", std::numeric_limits<double>::infinity(), ""}};
  EXPECT_EQ(run({finding}, 5min), States{"firing"});
  EXPECT_EQ(said_[0].alert.expected, 85);
  EXPECT_FALSE(said_[0].alert.actual);
  restart();
  EXPECT_EQ(run({hot("a", false)}, 20min), States{"resolved"});
}

TEST_F(EpisodesTest, WhatIsPendingBeginsAnewWhereItsRuleWasSilent) {
  run({hot("a")}, 1min);
  next_ = 60min;
  EXPECT_EQ(run({hot("a")}, 61min), States{});
  EXPECT_EQ(run({hot("a")}, 62min), States{"firing"});
  EXPECT_EQ(said_[0].alert.started_at, at(60min));
}

TEST_F(EpisodesTest, CountsThoseThatFire) {
  run({hot("a"), hot("b")}, 5min);
  run({hot("a"), hot("b"), hot("c")}, 6min);
  std::map<std::string, int> of_hot;
  for (const auto& [kind, state, count] : episodes_.counts()) {
    if (kind == "gpu_hot") of_hot[state] = count;
  }
  EXPECT_EQ(of_hot, (std::map<std::string, int>{{"firing", 2}, {"pending", 1}}));
}

TEST_F(EpisodesTest, WhatIsBrokenInRedisIsRefused) {
  EXPECT_FALSE(episodes_.load("episodes", "a", "{"));
  EXPECT_FALSE(episodes_.load("episodes", "a", "{}"));
  EXPECT_EQ(episodes_.find("a"), nullptr);
  EXPECT_FALSE(episodes_.load("silences", "a", "{}"));
}

}  // namespace
}  // namespace oppen::anomaly
