// The rule of daily cost as the worker has it: each charge once, whatever it is told again, and over restarts.
#include <fmt/format.h>

#include <cmath>

#include "tests/unit/alerts/at.hpp"

namespace oppen::anomaly {
namespace {

using testing::HasSubstr;
constexpr std::int64_t usual_hourly = 2'000'000;

class DailyCostTest : public testing::Test {
 protected:
  // A charge of an hour, of one attempt that goes on for ever.
  CostAccrued charge(std::chrono::hours from, std::int64_t amount, const std::string& job) const {
    CostAccrued cost;
    cost.job_id = job;
    cost.attempt = 1;
    cost.model_type = "mnist";
    cost.workload_type = "training";
    cost.team = team_;
    cost.project = "digits";
    cost.gpu_type = "A100";
    cost.interval_start = at(from);
    cost.interval_end = at(from + 1h);
    cost.gpu = cost.total = {amount};
    return cost;
  }
  void spend(std::chrono::hours from, std::chrono::hours until, std::int64_t amount,
             const std::string& job = "job") {
    for (; from < until; from += 1h) {
      const auto cost = charge(from, amount, job);
      for (int i = 0; i < told_; ++i) rule_.tell(cost, at(from + 1h));
      rule_.look(at(from + 1h));
    }
  }
  std::optional<Finding> spike(std::chrono::seconds when) {
    for (auto& finding : rule_.look(at(when))) {
      if (finding.holds) return finding;
    }
    return std::nullopt;
  }
  std::string team_ = "vision";
  int told_ = 1;  // how often each charge comes
  Told rule_{daily_cost()};
};

TEST_F(DailyCostTest, TellsADayThatCostsMoreAlsoOverRestarts) {
  spend(-14 * 24h, 0h, usual_hourly);
  rule_.restart(daily_cost());
  EXPECT_FALSE(spike(5min));
  spend(0h, 3h, usual_hourly);
  EXPECT_FALSE(spike(3h + 5min));
  spend(3h, 5h, 20 * usual_hourly, "large");
  rule_.restart(daily_cost());
  const auto found = spike(5h + 5min);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, "cost_spike");
  EXPECT_NEAR(*found->expected, 48, 1);
  EXPECT_THAT(found->summary, HasSubstr("Daily cost spike: expected $48"));
}

TEST_F(DailyCostTest, WhatALimitSavesIsTheSchedulersProjectionWhereTheJobsAreKnown) {
  spend(-14 * 24h, 0h, usual_hourly);
  const auto runs = [&](const std::string& job, double hours) {
    auto queued = change_of(job, 1, JobChange::What::queued);
    queued.estimated_seconds = 3600 * hours;
    queued.estimated_cost = {std::llround(2e6 * hours)};
    rule_.tell(queued, at(0s));
    rule_.tell(change_of(job, 2, JobChange::What::started), at(0s));
  };
  const auto saved_of = [&](double hours) -> std::optional<Remedy> {
    for (int i = 0; i < 4; ++i) runs(fmt::format("more-{}-{}", hours, i), hours);
    for (auto from = 0min; from < 40min; from += 5min) {
      for (int i = 0; i < 4; ++i) {
        auto cost = charge(0h, 2'000'000 / 12, fmt::format("more-{}-{}", hours, i));
        cost.interval_start = at(from);
        cost.interval_end = at(from + 5min);
        rule_.tell(cost, at(from + 5min));
      }
    }
    const auto found = spike(45min);
    return found ? found->remedy : std::nullopt;
  };
  const auto short_ones = saved_of(0.25);
  ASSERT_TRUE(short_ones);
  EXPECT_EQ(short_ones->changes["value"], "1");
  EXPECT_EQ(short_ones->evidence["by"], "projection");
  // Four of 15 minutes each at $2 an hour, again and again: three fewer of them, all but the first 15 minutes.
  EXPECT_NEAR(static_cast<double>(short_ones->predicted_savings.value) / 1e6, 3 * 2 * 23.75, 4);
  EXPECT_THAT(short_ones->summary, HasSubstr("limit parallel jobs to 1: back to $"));
}

TEST_F(DailyCostTest, AChargeThatComesAgainCostsNothing) {
  spend(-14 * 24h, 0h, usual_hourly);
  told_ = 20;
  spend(0h, 3h, usual_hourly);
  EXPECT_FALSE(spike(3h + 5min));
  rule_.restart(daily_cost());
  spend(0h, 3h, usual_hourly);
  EXPECT_FALSE(spike(3h + 5min));
}

TEST_F(DailyCostTest, NamesWithControlCharactersAreStoredAndRead) {
  team_ =
      "a\x1f"
      "b";
  spend(-14 * 24h, 3h, usual_hourly);
  auto change = change_of("job", 1, JobChange::What::queued);
  change.job.team = team_;
  rule_.tell(change, at(3h));
  rule_.restart(daily_cost());  // fails where it can't be read
  spend(3h, 5h, 20 * usual_hourly, "large");
  EXPECT_TRUE(spike(5h + 5min));
}

TEST_F(DailyCostTest, AFirstChargeOfLongAgoIsNoHistory) {
  auto old = charge(-20 * 24h, 1'000'000, "old");
  rule_.tell(old, at(0s));
  spend(0h, 5h, 20 * usual_hourly);
  EXPECT_FALSE(spike(5h + 5min)) << "what is usual is not known";
}

}  // namespace
}  // namespace oppen::anomaly
