// Proves what a forecast is made from and how it is priced, by worked examples, and that the intervals hold as often as they say on
// made-up runs.
#include "workers/cost/report/forecast.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "workers/cost/report/history.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

Time at(const char* text) { return parse_rfc3339(text).value(); }
const Time noon = at("2026-01-03T12:00:00Z");

// One GPU and one core: 0.30 an hour, which is 5,000 micro-dollars a minute; the half off-peak.
RunRecord running(int epochs, std::vector<double> epoch_seconds) {
  RunRecord run;
  run.job_id = "mnist-1";
  run.model_type = "mnist";
  run.state = "running";
  run.attempts = 1;
  run.epochs = epochs;
  run.batch_size = 64;
  run.epochs_done = static_cast<int>(epoch_seconds.size());
  run.epoch_seconds = std::move(epoch_seconds);
  run.resources.gpus = 1;
  run.resources.cpu_millicores = 1'000;
  return run;
}

// What has been charged after so long.
void charge(ForecastInput& input, std::chrono::seconds ran, std::int64_t microusd) {
  input.run.charged_until = *input.attempt_started_at + ran;
  input.run.spent.run_ms = std::chrono::milliseconds(ran).count();
  input.run.spent.total_microusd = microusd;
}

RunRecord finished(int epochs, double seconds) {
  auto run = running(epochs, {});
  run.state = "succeeded";
  run.run_seconds = seconds;
  run.ended_at = noon;
  return run;
}

Forecast of(const ForecastInput& input, Time now) { return make_forecast(input, {}, {}, now); }

TEST(Forecast, OfTheWorkedExample) {
  // Three epochs of 15 minutes are to come: 0.75 h. On one GPU without cores and off-peak that is 0.75 x 0.125 = $0.09375.
  ForecastInput input;
  input.run = running(6, {900, 900, 900});
  input.run.resources.cpu_millicores = 0;
  input.attempt_started_at = at("2026-01-03T22:00:00Z");
  charge(input, 2'700s, 93'750);
  const auto forecast = of(input, at("2026-01-03T22:45:00Z"));
  EXPECT_EQ(forecast.basis, Basis::progress);
  EXPECT_DOUBLE_EQ(forecast.left_seconds.expected, 2'700);
  EXPECT_EQ(forecast.total.expected.value, 93'750 + 93'750);
  EXPECT_EQ(to_json(forecast)["end"]["expected"], "2026-01-03T23:30:00.000Z");
}

TEST(Forecast, ByEpochsHasStudentsInterval) {
  // Epochs of 50, 60 and 70 s: mean 60, deviation 10. Two to come: 120 +- t(2) 10 sqrt(2 + 4/3) = 4.3027 x 18.2574 = 78.556.
  ForecastInput input;
  input.run = running(5, {50, 60, 70});
  input.attempt_started_at = noon;
  charge(input, 180s, 15'000);
  const auto now = noon + 180s;  // the third has just ended
  const auto forecast = of(input, now);
  EXPECT_NEAR(forecast.left_seconds.low, 120 - 78.556, 0.01);
  EXPECT_NEAR(forecast.left_seconds.high, 120 + 78.556, 0.01);
  EXPECT_EQ(forecast.total.expected.value, 15'000 + 10'000);
  // 41.444 s x 5,000 / 60 = 3,454; 198.556 s: 16,546.
  EXPECT_NEAR(static_cast<double>(forecast.total.low.value), 18'454, 1);
  EXPECT_NEAR(static_cast<double>(forecast.total.high.value), 31'546, 1);
  // 40 s later the present epoch is between 0 and 40 s old.
  const auto later = of(input, now + 40s);
  EXPECT_NEAR(later.left_seconds.expected, 100, 1e-9);
  EXPECT_NEAR(later.left_seconds.high, 120 + 78.556, 0.01);
  EXPECT_NEAR(later.left_seconds.low, 80 - 78.556, 0.01);
}

TEST(Forecast, OfTimeToComeIsSplitWhereTheCheapHoursBegin) {
  // 21:30, an hour to go: 30 minutes at 5,000 a minute, 30 at 2,500.
  ForecastInput input;
  input.run = running(6, {1'200, 1'200, 1'200});
  input.attempt_started_at = at("2026-01-03T20:30:00Z");
  charge(input, 3'600s, 300'000);
  const auto forecast = of(input, at("2026-01-03T21:30:00Z"));
  EXPECT_EQ(forecast.total.expected.value, 300'000 + 150'000 + 75'000);
}

TEST(Forecast, PricesWhatIsNotChargedYet) {
  // Ran 180 s, charged 150: the 30 s since then cost 2,500.
  ForecastInput input;
  input.run = running(3, {60, 60, 60});
  input.attempt_started_at = noon;
  charge(input, 150s, 12'500);
  EXPECT_EQ(of(input, noon + 180s).total.expected.value, 15'000);
}

TEST(Forecast, ByTheHistoryOfItsModelType) {
  ForecastInput input;
  input.run = running(2, {});
  input.attempt_started_at = noon;
  for (int i = 0; i < 64; ++i) input.history.push_back(finished(2, 246));
  const auto forecast = of(input, noon);
  EXPECT_EQ(forecast.basis, Basis::history);
  EXPECT_EQ(forecast.history_runs, 64);
  // The prior of a stranger, 60 s an epoch, still pulls by one run in 65, and again by two in 66 at the narrower levels: within 5 %.
  EXPECT_NEAR(forecast.left_seconds.expected, 246, 12);
  EXPECT_LT(forecast.left_seconds.low, 246);
  EXPECT_GT(forecast.left_seconds.high, 246);
  // One that lasts far longer than all before it is of another kind: it does not end in the past, and may go on as long again.
  const auto late = of(input, noon + 1h);
  EXPECT_GE(late.left_seconds.low, 0);
  EXPECT_GT(late.left_seconds.expected, 600);
  EXPECT_GT(late.left_seconds.high, 3'600);
}

TEST(Forecast, SaysHowItsIntervalDid) {
  ForecastInput input;
  input.run = running(2, {});
  input.attempt_started_at = noon;
  // The latest first: the third, an hour long, was not foreseen from the two before, nor is the first forecast from none.
  for (const double seconds : {246.0, 246.0, 3'600.0, 246.0, 246.0})
    input.history.push_back(finished(2, seconds));
  plan::Policy policy;
  policy.model_catalog["mnist"].seconds_per_epoch = 123;
  const auto covered = coverage_of(input, policy);
  EXPECT_EQ(covered.runs, 4);
  EXPECT_EQ(covered.held, 3);
}

TEST(Forecast, GoesByRunsOnAsManyGpus) {
  ForecastInput input;
  input.run = running(2, {});
  input.run.resources.gpus = 2;
  input.attempt_started_at = noon;
  for (int i = 0; i < 64; ++i) input.history.push_back(finished(2, 500));  // on one
  const auto others = to_json(of(input, noon));
  EXPECT_EQ(others["basis"], "history");
  EXPECT_EQ(others["history_runs"], 64);
  EXPECT_EQ(others["other_gpus"], true);
  input.history.insert(input.history.begin(), 60, finished(2, 250));
  for (int i = 0; i < 60; ++i) input.history[static_cast<std::size_t>(i)].resources.gpus = 2;
  const auto alike = of(input, noon);
  EXPECT_EQ(alike.history_runs, 60);
  EXPECT_TRUE(alike.alike);
  EXPECT_NEAR(alike.left_seconds.expected, 250, 15);
  input.run.workload_type = "inference";
  EXPECT_EQ(of(input, noon).basis, Basis::catalogue) << "that is other work";
}

TEST(Forecast, ByTheCatalogueWhereNobodyHasRunYet) {
  ForecastInput input;
  input.run = running(2, {});
  input.attempt_started_at = noon;
  plan::Policy policy;
  policy.model_catalog["mnist"].seconds_per_epoch = 123;
  const auto forecast = make_forecast(input, policy, {}, noon);
  EXPECT_EQ(forecast.basis, Basis::catalogue);
  EXPECT_NEAR(forecast.left_seconds.expected, 246, 0.01);
  // 246 s at one GPU and one core: $0.0205
  EXPECT_NEAR(static_cast<double>(forecast.total.expected.value), 20'500, 1);
}

TEST(Forecast, ByThePaceOfFewEpochs) {
  ForecastInput input;
  input.run = running(4, {100});
  input.attempt_started_at = noon;
  charge(input, 100s, 8'333);
  const auto forecast = of(input, noon + 100s);
  EXPECT_EQ(forecast.basis, Basis::pace);
  EXPECT_DOUBLE_EQ(forecast.left_seconds.expected, 300);
  // 40 s into the second it is between 0 and 40 s old.
  EXPECT_DOUBLE_EQ(of(input, noon + 140s).left_seconds.expected, 280);
  EXPECT_LT(of(input, noon + 140s).left_seconds.low, forecast.left_seconds.low);
  EXPECT_DOUBLE_EQ(of(input, noon + 140s).left_seconds.high, forecast.left_seconds.high);
  // Only told that one is done: half of the second is, too, so one takes 100 s and two and a half are left.
  input.run.epoch_seconds.clear();
  EXPECT_DOUBLE_EQ(of(input, noon + 150s).left_seconds.expected, 250);
}

TEST(Forecast, KeepsToTheLimit) {
  ForecastInput input;
  input.run = running(10, {100, 100, 100});
  input.attempt_started_at = noon;
  input.limit_seconds = 400;
  charge(input, 300s, 25'000);
  EXPECT_DOUBLE_EQ(of(input, noon + 300s).left_seconds.expected, 100);
}

TEST(Forecast, OfALongRunGoesByItsOwnLimit) {
  ForecastInput input;
  input.run = running(48, {});
  input.attempt_started_at = noon;
  plan::Policy policy;
  policy.model_catalog["mnist"].seconds_per_epoch = 3'600;
  constexpr int week = 7 * 24 * 3'600;
  input.limit_seconds = week;
  EXPECT_NEAR(make_forecast(input, policy, {}, noon).left_seconds.expected, 48 * 3'600, 1);
}

TEST(Forecast, OfARunThatHasEndedIsWhatItCost) {
  ForecastInput input;
  input.run = finished(2, 246);
  input.run.spent.total_microusd = 20'500;
  const auto forecast = of(input, noon);
  EXPECT_EQ(forecast.basis, Basis::ended);
  EXPECT_EQ(forecast.total.low.value, 20'500);
  EXPECT_EQ(forecast.total.high.value, 20'500);
  EXPECT_FALSE(to_json(forecast).contains("left_seconds"));
  input.charged = false;
  EXPECT_EQ(to_json(of(input, noon))["basis"], "charging");
}

TEST(Forecast, OfAJobThatWaitsIsAsIfItBeganNow) {
  ForecastInput input;
  input.run = running(2, {});
  input.run.state = "queued";
  input.run.attempts = 0;
  const auto body = to_json(of(input, noon));
  EXPECT_EQ(body["begun"], false);
  EXPECT_FALSE(body.contains("end"));
  EXPECT_GT(body["total_microusd"]["expected"], 0);
}

TEST(Forecast, OfAJobThatWaitsForTheCheapHoursIsPricedInThem) {
  ForecastInput input;
  input.run = running(2, {});
  input.run.state = "queued";
  input.run.attempts = 0;
  plan::Policy policy;
  policy.model_catalog["mnist"].seconds_per_epoch = 123;
  const auto cost = [&] { return make_forecast(input, policy, {}, noon).total.expected.value; };
  EXPECT_NEAR(static_cast<double>(cost()), 20'500, 1);
  input.window = "off_peak";
  EXPECT_NEAR(static_cast<double>(cost()), 10'250, 1);
  EXPECT_EQ(to_json(make_forecast(input, policy, {}, noon))["start"], "2026-01-03T22:00:00.000Z");
}

TEST(Forecast, OfALaterAttemptKeepsWhatEarlierOnesCost) {
  ForecastInput input;
  input.run = running(4, {60, 60, 60});
  input.run.attempts = 2;
  input.attempt_started_at = noon;
  charge(input, 1'000s, 83'333);
  // All up to 12:03:00 is charged; the fourth epoch costs 5,000.
  input.run.charged_until = noon + 180s;
  EXPECT_EQ(of(input, noon + 180s).total.expected.value, 88'333);
  // Nothing of this attempt is, only what was before it: 3 minutes more cost 15,000.
  input.run.charged_until = noon - 60s;
  EXPECT_EQ(of(input, noon + 180s).total.expected.value, 103'333);
}

TEST(Forecast, OfWhatIsLeftUntilAnInstant) {
  ForecastInput input;
  input.run = running(6, {60, 60, 60});
  input.attempt_started_at = noon;
  charge(input, 150s, 12'500);
  const auto forecast = of(input, noon + 180s);
  // 30 s are not charged yet; of three minutes to come one is before 12:04.
  EXPECT_EQ(left_until(forecast, input, {}, noon + 240s).value, 2'500 + 5'000);
  EXPECT_EQ(left_until(forecast, input, {}, noon + 1h).value, 2'500 + 15'000);
}

// How often the interval holds what comes.
struct Coverage {
  int inside = 0;
  int all = 0;
  void count(const Interval& interval, double truth) {
    ++all;
    if (truth >= interval.low && truth <= interval.high) ++inside;
  }
  double part() const { return static_cast<double>(inside) / all; }
};

TEST(Forecast, ByEpochsCoversWhatItSays) {
  std::mt19937 draw(20260103);
  for (const int done : {3, 5, 10, 40}) {
    Coverage coverage;
    for (int i = 0; i < 4'000; ++i) {
      const int left = std::uniform_int_distribution<int>(1, 60)(draw);
      const double mean = std::exp(std::uniform_real_distribution<double>(1, 7)(draw));
      std::normal_distribution<double> epoch(mean, 0.15 * mean);
      std::vector<double> seen;
      for (int k = 0; k < done; ++k) seen.push_back(epoch(draw));
      double rest = 0;
      for (int k = 0; k < left; ++k) rest += epoch(draw);
      coverage.count(left_by_epochs(seen, left, 0), rest);
    }
    // 95 % of 4,000: four standard errors are 1.4 %.
    EXPECT_NEAR(coverage.part(), 0.95, 0.014) << done;
    RecordProperty("covered_after_" + std::to_string(done) + "_epochs",
                   std::to_string(coverage.part()));
  }
}

TEST(Forecast, ByEpochsCoversAtLeastThatWithinAnEpoch) {
  std::mt19937 draw(4);
  Coverage coverage;
  for (int i = 0; i < 4'000; ++i) {
    std::normal_distribution<double> epoch(100, 15);
    const std::vector<double> seen = {epoch(draw), epoch(draw), epoch(draw), epoch(draw),
                                      epoch(draw)};
    const double start_up = std::exponential_distribution<double>(1.0 / 20)(draw);
    const double present = epoch(draw);
    const double age = std::uniform_real_distribution<double>(0, present)(draw);
    const double rest = present - age + epoch(draw) + epoch(draw) + epoch(draw);
    coverage.count(left_by_epochs(seen, 4, start_up + age), rest);
  }
  EXPECT_GT(coverage.part(), 0.936);
  RecordProperty("covered", std::to_string(coverage.part()));
}

TEST(Forecast, ByHistoryCoversWhatItSays) {
  // Durations within a factor of 1.3, of model types that are within a factor of 1.6 of their catalogue entry.
  std::mt19937 draw(11);
  std::normal_distribution<double> normal;
  for (const int runs : {1, 3, 10, 50}) {
    for (const double progress : {0.0, 0.5, 1.0}) {
      Coverage coverage;
      for (int i = 0; i < 1'000; ++i) {
        const double centre = 300 * std::exp(0.5 * normal(draw));
        const auto one = [&] { return centre * std::exp(0.25 * normal(draw)); };
        std::vector<RunRecord> history;
        history.reserve(static_cast<std::size_t>(runs));
        for (int k = 0; k < runs; ++k) history.push_back(finished(1, one()));
        plan::Policy policy;
        policy.model_catalog["mnist"].seconds_per_epoch = 300;
        const auto learned = learn(history, spec_of(history[0]));
        const auto duration = duration_of(learned, spec_of(history[0]), policy);
        const double elapsed = progress * centre;
        double truth = one();
        while (truth <= elapsed) truth = one();  // it still runs
        coverage.count(left_by_duration(duration, elapsed), truth - elapsed);
      }
      // With few runs it is not quite what it says: 93 % and more.
      EXPECT_GT(coverage.part(), 0.92) << runs << " runs, " << progress;
      RecordProperty("covered_" + std::to_string(runs) + "_runs_at_" +
                         std::to_string(static_cast<int>(progress * 100)) + "_percent",
                     std::to_string(coverage.part()));
    }
  }
}

}  // namespace
}  // namespace oppen::cost
