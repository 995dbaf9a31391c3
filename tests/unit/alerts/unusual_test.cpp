// What is as it never was, of the series that are watched as they go.
#include "tests/unit/alerts/at.hpp"
#include "workers/anomaly/rules/live_series.hpp"

namespace oppen::anomaly {
namespace {

using testing::HasSubstr;
constexpr Worse more{1, 2, 0.5};

// A day and night of which no two values are alike.
double usual_at(int number) {
  return 10 + 3 * std::sin(number * 0.0436) + 0.1 * (number * 37 % 10);
}

class LiveSeriesTest : public testing::Test {
 protected:
  void add(double value, int times = 1) {
    for (int i = 0; i < times; ++i) series_.add(at(10min * number_++), value, more);
  }
  void add_days(int days) {
    for (int i = 0; i < days * 144; ++i) add(usual_at(number_));
  }
  LiveSeries series_;
  int number_ = 0;
};

TEST_F(LiveSeriesTest, NothingIsUnusualBeforeThreeDays) {
  add_days(2);
  add(100, 10);
  EXPECT_FALSE(series_.is_unusual());
}

TEST_F(LiveSeriesTest, LastsUntilHalfOfTheWayBack) {
  add_days(4);
  EXPECT_FALSE(series_.is_unusual());
  add(40);
  ASSERT_TRUE(series_.is_unusual());
  EXPECT_NEAR(series_.usual(), 10.5, 3);
  add(30, 20);
  EXPECT_TRUE(series_.is_unusual());
  EXPECT_NEAR(series_.usual(), 10.5, 3) << "what was before it";
  add(20);
  EXPECT_FALSE(series_.is_unusual());
}

TEST_F(LiveSeriesTest, AfterADayItIsWhatIsUsual) {
  add_days(4);
  add(40, 143);
  EXPECT_TRUE(series_.is_unusual());
  add(40, 2);
  EXPECT_FALSE(series_.is_unusual());
}

TEST_F(LiveSeriesTest, WhatIsBetterOrALittleWorseIsNoMatter) {
  add_days(4);
  add(-40);
  add(14.9);
  EXPECT_FALSE(series_.is_unusual());
}

class UnusualTest : public testing::Test {
 protected:
  // What a team spends in an hour, told every ten minutes, with all looks until then.
  void spend(const std::string& team, double usd_hour, std::chrono::seconds until,
             std::chrono::minutes length = 10min) {
    CostAccrued charge;
    charge.job_id = "job-" + team;
    charge.attempt = 1;
    charge.team = team;
    charge.interval_start = at(until - length);
    charge.interval_end = at(until);
    charge.total = {
        static_cast<std::int64_t>(usd_hour * static_cast<double>(length.count()) / 60 * 1e6)};
    rule_.tell(charge, at(until));
  }
  void go_on(std::chrono::minutes length, const std::function<double(int)>& usd_hour) {
    const auto end = now_ + length;
    for (; now_ < end; now_ += 1min) {
      if (now_ % 10min == 0s) spend("vision", usd_hour(static_cast<int>(now_ / 10min)), now_);
      last_ = rule_.look(at(now_));
    }
  }
  std::optional<Finding> of(const std::string& series, const std::string& team = "") const {
    for (const auto& finding : last_) {
      const auto found = finding.labels.find("team");
      if (finding.labels.at("series") == series &&
          (found == finding.labels.end() ? "" : found->second) == team)
        return finding;
    }
    return std::nullopt;
  }
  Told rule_{unusual()};
  std::chrono::seconds now_{0};
  std::vector<Finding> last_;
};

TEST_F(UnusualTest, TheCostRateOfATeam) {
  go_on(96h, usual_at);
  ASSERT_TRUE(of("cost_rate", "vision"));
  EXPECT_FALSE(of("cost_rate", "vision")->holds);
  rule_.restart(unusual());
  go_on(1h, [](int) { return 40; });
  const auto found = of("cost_rate", "vision");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->holds);
  EXPECT_EQ(found->severity, "info");
  EXPECT_THAT(found->summary,
              HasSubstr("The cost rate of vision is $40.00 an hour, as it never was"));
  EXPECT_TRUE(of("cost_rate")->holds) << "the total, too";
  rule_.restart(unusual());
  go_on(1h, usual_at);
  EXPECT_FALSE(of("cost_rate", "vision")->holds);
}

TEST_F(UnusualTest, WhatIsChargedForADayIsNoRate) {
  go_on(96h, usual_at);
  spend("vision", 10, now_ - 3min, 24h);
  go_on(5min, usual_at);
  EXPECT_FALSE(of("cost_rate")->holds) << of("cost_rate")->summary;
  EXPECT_FALSE(of("cost_rate", "vision")->holds);
  EXPECT_NEAR(*of("cost_rate")->expected, 10.5, 4) << "nor has it been learnt";
}

TEST_F(UnusualTest, TheQueueTheGpusAndFailures) {
  const auto sample_at = [&](double percent) {
    auto sample = sample_of("gpu-1", percent);
    sample.pod = "job-1";
    sample.pod_namespace = "ml";
    rule_.tell(sample, at(now_));
  };
  for (; now_ < 80h; now_ += 1min) {
    if (now_ % 5min == 0s) sample_at(70 + static_cast<double>(now_.count() / 60 * 7 % 10));
    last_ = rule_.look(at(now_));
  }
  for (int i = 0; i < 30; ++i) {
    rule_.tell(change_of("waits-" + std::to_string(i), 1, JobChange::What::queued), at(now_));
    auto failed = change_of("failed-" + std::to_string(i), 1, JobChange::What::ended);
    failed.failure = FailureClass::oom;
    rule_.tell(failed, at(now_));
  }
  for (const auto end = now_ + 13min; now_ < end; now_ += 1min) {
    sample_at(20);
    last_ = rule_.look(at(now_));
  }
  ASSERT_TRUE(of("queue_depth") && of("gpu_utilization") && of("failures"));
  EXPECT_TRUE(of("queue_depth")->holds);
  EXPECT_EQ(of("queue_depth")->summary, "30 jobs wait, as never before: 0 are usual");
  EXPECT_TRUE(of("gpu_utilization")->holds);
  EXPECT_TRUE(of("failures")->holds);
  // Nothing is heard of the GPUs: that is not that they do nothing.
  const auto told = of("gpu_utilization")->actual;
  for (const auto end = now_ + 60min; now_ < end; now_ += 1min) last_ = rule_.look(at(now_));
  EXPECT_EQ(of("gpu_utilization")->actual, told);
  EXPECT_FALSE(of("gpu_utilization")->holds) << "nor that they still do as little as they did";
}

TEST_F(UnusualTest, NotEachOfAnyNumberOfTeams) {
  rule_.look(at(0s));
  for (int i = 0; i < 80; ++i) spend("team-" + std::to_string(100 + i), 6, 25min);
  for (; now_ < 40min; now_ += 1min) last_ = rule_.look(at(now_));
  spend("before", 6, 50min);
  for (int i = 0; i < 80; ++i) spend("team-" + std::to_string(100 + i), 6, 50min);
  for (; now_ < 60min; now_ += 1min) last_ = rule_.look(at(now_));
  EXPECT_EQ(std::count_if(last_.begin(), last_.end(),
                          [](const auto& one) { return one.labels.contains("team"); }),
            50);
  EXPECT_NEAR(*of("cost_rate")->actual, 81 * 6, 0.1);
}

}  // namespace
}  // namespace oppen::anomaly
