// Proves what the forecast of a period is made from, by worked examples, and that its interval holds as often as it says on made-up days.
#include "workers/cost/report/period.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "workers/cost/report/daily.hpp"

namespace oppen::cost {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

Time at(const char* text) { return parse_rfc3339(text).value(); }
const Time noon = at("2026-01-20T12:00:00Z");

DayRow row(sys_days day, const std::string& team, std::int64_t microusd) {
  DayRow one{{day, team, "digits", "mnist", "training", "T4", "ml-training"}, {}};
  one.spent.gpu_microusd = one.spent.total_microusd = microusd;
  return one;
}

// All hours cost the same.
pricing::RateHistory flat() {
  PolicyChanged policy;
  policy.cost_model["off_peak_multiplier"] = "1";
  pricing::RateHistory rates;
  EXPECT_TRUE(rates.take(policy));
  return rates;
}

// So many whole days before today at a dollar each, and half of it today.
PeriodInput a_dollar_a_day(int whole) {
  PeriodInput input;
  input.name = "month";
  input.period = period_of("month", noon);
  const auto today = std::chrono::floor<days>(noon);
  for (int i = whole; i > 0; --i) input.days.push_back(row(today - days{i}, "vision", 1'000'000));
  input.days.push_back(row(today, "vision", 500'000));
  return input;
}

TEST(Daily, DaysThatAreAlikeGoOn) {
  const std::vector<double> same(30, 100);
  EXPECT_NEAR(next_days(same, 100, 10.5), 1'050, 1e-9);
  EXPECT_DOUBLE_EQ(doubt_of(same, 10.5, 80)->factor, 1);
}

TEST(Daily, IsTheMeanOfThree) {
  // Days of 100 and 200: weighted mean 100 + 0.3 x 100 = 130, which stands for the week, too. The last 24 hours cost 300. Two days:
  // (260 + 260 + 600) / 3.
  EXPECT_NEAR(next_days(std::vector<double>{100, 200}, 300, 2), 1'120.0 / 3, 1e-9);
}

TEST(Daily, KnowsTheWeek) {
  std::vector<double> costs;
  for (int day = 0; day < 70; ++day) costs.push_back(day % 7 < 5 ? 100 : 10);
  // The 71st is the first of a week: of the three only the mean of days and the last day are taken in by the week's end.
  const double weighted = 100 + 3 * (next_days(costs, 100, 1) - 100);
  EXPECT_LT(weighted, 100);
  EXPECT_GT(next_days(costs, 100, 1), next_days(costs, 100, 6) - next_days(costs, 100, 5));
}

TEST(Daily, SaysNothingOfDoubtFromTooFewDays) {
  EXPECT_FALSE(doubt_of(std::vector<double>(5, 100), 3, 80));
  EXPECT_TRUE(doubt_of(std::vector<double>(6, 100), 3, 80));
}

TEST(Daily, SaysNothingOfDoubtFarBeyondWhatItKnows) {
  const std::vector<double> uneven = {10'000, 0, 0, 0, 0, 10'000'000};
  EXPECT_FALSE(doubt_of(uneven, 85, 80));
  EXPECT_FALSE(doubt_of(uneven, 9, 80));
  const auto doubt = doubt_of(uneven, 8, 80);
  ASSERT_TRUE(doubt);
  EXPECT_TRUE(std::isfinite(doubt->factor));
  EXPECT_GE(doubt->factor, 1);
}

TEST(Daily, CoversWhatItSays) {
  std::mt19937 draw(20260103);
  std::normal_distribution<double> normal;
  for (const int horizon : {1, 7, 20}) {
    int held = 0;
    constexpr int all = 1'000;
    for (int i = 0; i < all; ++i) {
      std::vector<double> costs;
      for (int day = 0; day < 90 + horizon; ++day)
        costs.push_back(1e6 * std::exp(0.4 * normal(draw)) * (day % 7 < 5 ? 1 : 0.5));
      const auto known = std::span(costs).first(90);
      const double truth = std::accumulate(costs.begin() + 90, costs.end(), 0.0);
      const double told = next_days(known, known.back(), horizon);
      const auto doubt = doubt_of(known, horizon, 80);
      ASSERT_TRUE(doubt);
      const double ratio = (truth + doubt->floor) / (told + doubt->floor);
      if (std::abs(std::log(ratio)) <= std::log(doubt->factor)) ++held;
    }
    // 80 % of 1,000: four standard errors are 5 %. Longer ones overlap, and are held wider.
    EXPECT_GT(held, 750) << horizon;
    RecordProperty("covered_of_1000_in_" + std::to_string(horizon) + "_days", held);
  }
}

TEST(Period, OfMonthsAndQuarters) {
  const auto quarter = period_of("quarter", at("2026-12-31T23:59:59Z"));
  EXPECT_EQ(to_text(quarter.from), "2026-10-01");
  EXPECT_EQ(to_text(quarter.to), "2027-01-01");
  EXPECT_EQ(to_text(period_of("month", noon).to), "2026-02-01");
}

TEST(Period, OfTheWorkedExample) {
  // 19 days of January and half of today at a dollar: 19.5, and 11.5 to come.
  const auto forecast = forecast_period(a_dollar_a_day(40), flat(), noon);
  EXPECT_EQ(forecast.days_known, 40);
  EXPECT_EQ(forecast.spent.value, 19'500'000);
  EXPECT_EQ(forecast.expected.value, 31'000'000);
  ASSERT_TRUE(forecast.bounds);
  EXPECT_EQ(forecast.bounds->low.value, 31'000'000) << "no day differed";
  EXPECT_EQ(to_json(forecast)["to"], "2026-01-31");
}

TEST(Period, KnowsTheCheapHoursOfToday) {
  // From 22:00 to 6:00 half: a day has 20 full hours, the afternoon and evening 11 of them. 11.55 days are to come.
  auto input = a_dollar_a_day(40);
  input.days.back().spent.total_microusd = 450'000;
  EXPECT_EQ(forecast_period(input, {}, noon).expected.value, 31'000'000);
}

TEST(Period, RunsSayTheOtherHalf) {
  auto input = a_dollar_a_day(40);
  // Those at work will cost 10 until the month's end, those begun in as long have cost 5.5: 15.5, and 11.5 by the days.
  input.runs = RunsAhead{2, MicroUsd{10'000'000}, MicroUsd{5'500'000}};
  const auto forecast = forecast_period(input, flat(), noon);
  EXPECT_EQ(forecast.expected.value, 19'500'000 + 13'500'000);
  EXPECT_EQ(to_json(forecast)["runs_left_microusd"], 10'000'000);
}

TEST(Period, OfFewDaysHasNoBounds) {
  auto input = a_dollar_a_day(3);
  EXPECT_FALSE(to_json(forecast_period(input, flat(), noon)).contains("interval_percent"));
  EXPECT_EQ(forecast_period(input, flat(), noon).expected.value, 3'500'000 + 11'500'000);
  // On the first day of all runs alone say something; without them the day goes on as it began.
  input = a_dollar_a_day(0);
  EXPECT_EQ(forecast_period(input, flat(), noon).expected.value, 500'000 + 11'500'000);
  input.runs = RunsAhead{1, MicroUsd{2'000'000}, MicroUsd{500'000}};
  EXPECT_EQ(forecast_period(input, flat(), noon).expected.value, 3'000'000);
  input.days.clear();
  EXPECT_EQ(forecast_period(input, flat(), noon).expected.value, 2'500'000);
}

TEST(Period, OfATeamAlone) {
  auto input = a_dollar_a_day(40);
  input.days.push_back(row(sys_days(std::chrono::year{2026} / 1 / 2), "speech", 70'000'000));
  input.filter.team = "vision";
  EXPECT_EQ(forecast_period(input, flat(), noon).expected.value, 31'000'000);
  input.filter.team = "nobody";
  EXPECT_EQ(forecast_period(input, flat(), noon).expected.value, 0);
}

TEST(Period, WithinItsBounds) {
  auto input = a_dollar_a_day(40);
  for (std::size_t i = 0; i < 40; i += 3) input.days[i].spent.total_microusd = 3'000'000;
  const auto forecast = forecast_period(input, flat(), noon);
  ASSERT_TRUE(forecast.bounds);
  EXPECT_LT(forecast.spent, forecast.bounds->low);
  EXPECT_LT(forecast.bounds->low, forecast.expected);
  EXPECT_LT(forecast.expected, forecast.bounds->high);
}

}  // namespace
}  // namespace oppen::cost
