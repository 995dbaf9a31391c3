// Periods, scopes, thresholds and the forecast, each with its arithmetic.
#include "tests/unit/budgets/given.hpp"

namespace oppen::budgets {
namespace {

TEST(Budget, APeriodIsACalendarMonthOrQuarterOfUtc) {
  const auto month = period_at("month", at("2028-02-29T23:59:59.999Z"));
  EXPECT_EQ(month, (Period{at("2028-02-01T00:00:00Z"), at("2028-03-01T00:00:00Z")}));
  EXPECT_EQ(period_at("month", at("2028-03-01T00:00:00Z")).start, month.end);
  EXPECT_EQ(period_at("month", at("2026-12-31T12:00:00Z")).end, at("2027-01-01T00:00:00Z"));
  const Period fourth{at("2026-10-01T00:00:00Z"), at("2027-01-01T00:00:00Z")};
  for (const auto* const day : {"2026-10-01", "2026-11-30", "2026-12-31"})
    EXPECT_EQ(period_at("quarter", at(std::string(day) + "T00:00:00Z")), fourth) << day;
  EXPECT_EQ(period_at("quarter", at("2026-09-30T23:00:00Z")).start, at("2026-07-01T00:00:00Z"));
}

TEST(Budget, AScopeTakesWhatHasAllThatItNames) {
  EXPECT_TRUE(covers({}, "", ""));
  EXPECT_TRUE(covers({"vision", ""}, "vision", "ocr"));
  EXPECT_FALSE(covers({"vision", ""}, "speech", "ocr"));
  EXPECT_TRUE(covers({"", "ocr"}, "speech", "ocr"));
  EXPECT_TRUE(covers({"vision", "ocr"}, "vision", "ocr"));
  EXPECT_FALSE(covers({"vision", "ocr"}, "vision", "faces"));
}

TEST(Budget, ThresholdsAscendAndAreReachedExactly) {
  auto set = budget("b", 1'000);
  EXPECT_TRUE(faults_of(set).empty());
  EXPECT_EQ(reached(set, {499}), 0U);
  EXPECT_EQ(reached(set, {500}), 1U);
  EXPECT_EQ(reached(set, {1'000}), 3U);
  set.thresholds = {50, 50};
  const auto faults = faults_of(set);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].path, "thresholds[1]");
  EXPECT_EQ(faults[0].value, "50");
}

TEST(Budget, DollarsAreToTheCent) {
  EXPECT_EQ(dollars({12'500'000}), "$12.50");
  EXPECT_EQ(dollars({5'000}), "$0.01");
  EXPECT_EQ(dollars({4'999}), "$0.00");
  EXPECT_EQ(dollars({-12'500'000}), "-$12.50");
}

// Days of 8, 10 and 12 dollars: mean 10, standard deviation 2. Four days are left:
// 50 + 4 x 10 = 90, and 1.96 x 2 x sqrt(4 (1 + 4 / 3)) = 3.92 x 3.0551 = 11.9758.
TEST(Budget, TheForecastIsTheMeanRateWithAnInterval) {
  const Period period{at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z")};
  const auto now = at("2026-11-27T00:00:00Z");
  const auto end = forecast({50'000'000}, {{8'000'000}, {10'000'000}, {12'000'000}}, now, period);
  EXPECT_EQ(end.expected.value, 90'000'000);
  EXPECT_NEAR(static_cast<double>(end.low.value), 78'024'150, 100);
  EXPECT_NEAR(static_cast<double>(end.high.value), 101'975'850, 100);
}

TEST(Budget, AForecastFromNothingOrOneDayIsWide) {
  const Period period{at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z")};
  const auto now = at("2026-11-29T00:00:00Z");
  EXPECT_EQ(forecast({7}, {}, now, period).high.value, 7);
  const auto end = forecast({7}, {{10}}, now, period);
  EXPECT_EQ(end.expected.value, 27);
  EXPECT_EQ(end.low.value, 7);
  EXPECT_EQ(end.high.value, 47);
  // Days that differ widely do not make it fall below what is spent already.
  EXPECT_EQ(forecast({7}, {{0}, {1'000}}, now, period).low.value, 7);
}

}  // namespace
}  // namespace oppen::budgets
