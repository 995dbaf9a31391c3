// NAB's score, on series small enough to work it out by hand, and its reader.
#include "bench/anomaly/nab_score.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/temporary_folder.hpp"

namespace oppen::bench {
namespace {

using testing::HasSubstr;

double sigmoid(double y) { return 2 / (1 + std::exp(5 * y)) - 1; }

// 100 rows of 5 minutes; rows 0 to 14 count nothing.
NabSeries series_with(std::vector<Window> windows) {
  NabSeries series{"one.csv", {}, std::move(windows)};
  for (int i = 0; i < 100; ++i)
    series.rows.push_back({Time(std::chrono::minutes(5 * i)), static_cast<double>(i)});
  return series;
}

double score_of(const std::vector<std::pair<std::size_t, double>>& told,
                const NabProfile& profile = nab_standard,
                std::optional<double> threshold = std::nullopt) {
  Scores scores(100, untold);
  for (const auto& [row, score] : told) scores[row] = score;
  return nab_score({series_with({{40, 49}, {80, 89}})}, {scores}, profile, threshold).score;
}

TEST(NabScore, IsNothingForNoDetectionAndAllForEachAtOnce) {
  EXPECT_EQ(score_of({}), 0);
  EXPECT_DOUBLE_EQ(score_of({{40, 1}, {80, 1}}), 100);
  EXPECT_DOUBLE_EQ(score_of({{40, 1}, {80, 1}}, nab_low_fn), 100);
}

TEST(NabScore, CountsTheEarliestRowOfAWindow) {
  // Row 45 is 5 rows before the window's end is passed: y = -5/10.
  const double gain = sigmoid(-0.5) / sigmoid(-1);
  EXPECT_DOUBLE_EQ(score_of({{45, 1}, {47, 1}, {49, 1}}), 100 * (gain + 1) / 4);
}

TEST(NabScore, TakesForAFalseAlarmByItsDistanceFromTheWindowBefore) {
  const auto with = [](std::size_t row, const NabProfile& profile) {
    return score_of({{40, 1}, {80, 1}, {row, 1}}, profile);
  };
  EXPECT_DOUBLE_EQ(with(20, nab_standard), 100 * (4 - 0.11) / 4) << "no window before it";
  EXPECT_DOUBLE_EQ(with(52, nab_standard), 100 * (4 + 0.11 * sigmoid(3.0 / 9)) / 4);
  EXPECT_DOUBLE_EQ(with(79, nab_standard), 100 * (4 - 0.11) / 4) << "30/9 widths after one";
  EXPECT_DOUBLE_EQ(with(20, nab_low_fp), 100 * (4 - 0.22) / 4);
  EXPECT_DOUBLE_EQ(with(20, nab_low_fn), 100 * (6 - 0.11) / 6);
  EXPECT_DOUBLE_EQ(with(14, nab_standard), 100) << "the first 15 % count nothing";
}

TEST(NabScore, TakesTheThresholdThatEarnsMost) {
  // Both windows cost six false alarms here, the first alone none.
  std::vector<std::pair<std::size_t, double>> told{{40, 5}, {80, 3}};
  for (std::size_t row = 20; row < 26; ++row) told.push_back({row, 4});
  EXPECT_DOUBLE_EQ(score_of(told), 100 * (4 - 6 * 0.11) / 4);
  EXPECT_DOUBLE_EQ(score_of(told, nab_standard, 4.5), 50);
  EXPECT_EQ(score_of(told, nab_standard, 6), 0);
  for (std::size_t row = 26; row < 39; ++row) told.push_back({row, 4});
  EXPECT_DOUBLE_EQ(score_of(told), 50) << "nineteen are worth more than a window";
}

TEST(NabScore, HasOneThresholdForAllSeries) {
  const auto series = series_with({{40, 49}});
  Scores low(100, untold), high(100, untold);
  low[40] = 1;
  high[40] = 10;
  for (std::size_t row = 20; row < 40; ++row) high[row] = 5;
  const auto result = nab_score({series, series}, {low, high}, nab_standard);
  EXPECT_DOUBLE_EQ(result.score, 50);
  EXPECT_EQ(result.threshold, 10);
}

TEST(NabSeries, CanBeThinnedMadeNoisyAndReversed) {
  const auto series = series_with({{40, 49}, {81, 89}});
  const auto even = every_second(series, 0), odd = every_second(series, 1);
  EXPECT_EQ(even.rows[20].value, 40);
  EXPECT_EQ(odd.rows[20].value, 41);
  for (const auto& half : {even, odd})
    for (std::size_t i = 0; i < 2; ++i) {
      const auto first = half.rows[half.windows[i].first].value;
      const auto last = half.rows[half.windows[i].last].value;
      EXPECT_TRUE(first >= static_cast<double>(series.windows[i].first) &&
                  last <= static_cast<double>(series.windows[i].last));
      EXPECT_TRUE(half.rows[half.windows[i].first - 1].value <
                  static_cast<double>(series.windows[i].first));
      EXPECT_TRUE(half.rows[half.windows[i].last + 1].value >
                  static_cast<double>(series.windows[i].last));
    }

  const auto backwards = reversed(series);
  EXPECT_EQ(backwards.rows[0].value, 99);
  EXPECT_EQ(backwards.rows[0].at, series.rows[0].at);
  EXPECT_EQ(backwards.windows[0].first, 10U);
  EXPECT_EQ(backwards.windows[1].last, 59U);

  const auto noisy = with_noise(series, 0.05, 1), same = with_noise(series, 0.05, 1);
  double square = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(noisy.rows[i].value, same.rows[i].value);
    square += std::pow(noisy.rows[i].value - series.rows[i].value, 2);
  }
  EXPECT_NEAR(std::sqrt(square / 100), 0.05 * 28.87, 0.4);
}

class NabFolder : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) { files_.write(name, text); }

  test::TemporaryFolder files_;
  const std::string folder_ = files_.path().string();
};

TEST_F(NabFolder, IsRead) {
  write("combined_windows.json",
        R"({"real/a.csv": [["2014-04-10 07:05:00.000000", "2014-04-10 07:12:00.000000"]],
            "real/absent.csv": []})");
  write("real/a.csv",
        "timestamp,value\n2014-04-10 07:00:00,1\n2014-04-10 07:05:00,2.5\n"
        "2014-04-10 07:10:00,-3\n2014-04-10 07:15:00,1e3\n");
  const auto series = read_nab(folder_);
  ASSERT_TRUE(series) << series.error().message;
  ASSERT_EQ(series->size(), 1U);
  EXPECT_EQ(series->front().name, "real/a.csv");
  ASSERT_EQ(series->front().rows.size(), 4U);
  EXPECT_EQ(series->front().rows[1].value, 2.5);
  EXPECT_EQ(series->front().rows[1].at, *parse_rfc3339("2014-04-10T07:05:00Z"));
  ASSERT_EQ(series->front().windows.size(), 1U);
  EXPECT_EQ(series->front().windows[0].first, 1U);
  EXPECT_EQ(series->front().windows[0].last, 2U);
}

TEST_F(NabFolder, NamesWhatCannotBeRead) {
  EXPECT_THAT(read_nab(folder_).error().message, HasSubstr("combined_windows.json"));
  write("combined_windows.json",
        R"({"real/a.csv": [["2015-01-01 00:00:00", "2015-01-02 00:00:00"]]})");
  write("real/a.csv", "timestamp,value\n2014-04-10 07:00:00,1\n");
  EXPECT_THAT(read_nab(folder_).error().message, HasSubstr("real/a.csv"));
  write("real/a.csv", "timestamp,value\n2014-04-10 07:00:00,x\n");
  EXPECT_THAT(read_nab(folder_).error().message, HasSubstr("line 2"));
}

}  // namespace
}  // namespace oppen::bench
