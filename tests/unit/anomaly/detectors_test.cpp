// What every detector keeps: it finds a spike, ignores the unit of the values, bears constant series, and goes on from its saved state as
// if nothing had been.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <type_traits>

#include "tests/unit/anomaly/streams.hpp"
#include "workers/anomaly/detect/ewma_z.hpp"
#include "workers/anomaly/detect/holt_winters.hpp"
#include "workers/anomaly/detect/novelty.hpp"
#include "workers/anomaly/detect/relative_entropy.hpp"
#include "workers/anomaly/detect/robust_ewma.hpp"
#include "workers/anomaly/detect/state.hpp"

namespace oppen::anomaly {
namespace {

using testing::Each;
using testing::HasSubstr;

constexpr std::size_t days = 288;  // values

template <class Detector>
class Detectors : public testing::Test {};
using All = testing::Types<EwmaZ, RobustEwma, RelativeEntropy, HoltWinters, Novelty>;
TYPED_TEST_SUITE(Detectors, All);

// RelativeEntropy looks at distributions: what is unusual for it are 40 values.
TYPED_TEST(Detectors, ScoreABurstHighest) {
  auto stream = daily_wave(10 * days);
  const std::size_t burst = 8 * days;
  for (std::size_t i = burst; i < burst + 40; ++i) stream[i].value += 60;
  const auto scores = scores_of<TypeParam>(stream);
  const auto highest = static_cast<std::size_t>(
      std::max_element(scores.begin() + 2 * days, scores.end()) - scores.begin());
  EXPECT_GE(highest, burst);
  EXPECT_LT(highest, burst + 52);
}

TYPED_TEST(Detectors, DoNotDependOnTheUnitOfTheValues) {
  const auto stream = daily_wave(3 * days);
  auto other = stream;
  for (auto& observation : other) observation.value *= 1024;  // exact in binary
  const auto expected = scores_of<TypeParam>(stream);
  const auto scores = scores_of<TypeParam>(other);
  for (std::size_t i = 0; i < scores.size(); ++i)
    ASSERT_NEAR(scores[i], expected[i], 1e-6 * (1 + expected[i])) << "value " << i;
}

TYPED_TEST(Detectors, SayNothingOfAConstantSeries) {
  for (const double constant : {0.0, 0.1, -7e12}) {
    auto stream = daily_wave(2 * days);
    for (auto& observation : stream) observation.value = constant;
    EXPECT_THAT(scores_of<TypeParam>(stream), Each(0)) << constant;
  }
}

TYPED_TEST(Detectors, GiveFiniteScoresForTheLargestValues) {
  TypeParam detector;
  for (int i = 0; i < 500; ++i) {
    const double value = i % 7 == 0 ? largest_value : i % 3 == 0 ? -largest_value : 1e-30;
    const double score = detector.add({Time(std::chrono::minutes(i)), value});
    ASSERT_TRUE(std::isfinite(score) && score >= 0) << score << " at " << i;
  }
}

TYPED_TEST(Detectors, GoOnFromTheSavedState) {
  const auto stream = daily_wave(4 * days);
  const auto expected = scores_of<TypeParam>(stream);
  for (const std::size_t stop : {0U, 1U, 30U, 700U}) {
    TypeParam before;
    for (std::size_t i = 0; i < stop; ++i) before.add(stream[i]);
    auto after = restore<TypeParam>(save(before));
    ASSERT_TRUE(after) << after.error().message;
    for (std::size_t i = stop; i < stream.size(); ++i)
      ASSERT_EQ(after->add(stream[i]), expected[i]) << "value " << i << " after a stop at " << stop;
  }
}

TYPED_TEST(Detectors, RefuseAStateThatIsNotTheirs) {
  TypeParam detector;
  for (const auto& observation : daily_wave(days)) detector.add(observation);
  const auto state = save(detector);
  for (std::size_t length = 0; length < state.size(); ++length)
    ASSERT_FALSE(restore<TypeParam>(state.substr(0, length))) << "cut to " << length;
  for (std::size_t i = 0; i < state.size(); ++i) {
    auto damaged = state;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    ASSERT_FALSE(restore<TypeParam>(damaged)) << "byte " << i;
  }
  EXPECT_THAT(restore<TypeParam>("other").error().message,
              HasSubstr(std::string(TypeParam::state_name)));
}

TYPED_TEST(Detectors, KeepABoundedState) {
  TypeParam detector;
  std::mt19937 random(3);
  std::lognormal_distribution<double> heavy(0, 3);
  std::size_t most = 0;
  for (int i = 0; i < 20'000; ++i) {
    detector.add({Time(std::chrono::minutes(i)), heavy(random)});
    if (i % 500 == 0) most = std::max(most, save(detector).size());
  }
  EXPECT_LT(most, 4'000U);
}

TEST(EwmaZ, KeepsItsRateWhenRestored) {
  const auto stream = daily_wave(2 * days);
  EwmaZ whole(0.05), before(0.05);
  for (std::size_t i = 0; i < days; ++i) whole.add(stream[i]), before.add(stream[i]);
  auto after = restore(save(before), EwmaZ(0.05));
  ASSERT_TRUE(after);
  for (std::size_t i = days; i < stream.size(); ++i)
    ASSERT_EQ(after->add(stream[i]), whole.add(stream[i]));
}

TEST(Validity, RefusesWhatIsNoNumber) {
  EXPECT_TRUE(valid(-1e30));
  EXPECT_FALSE(valid(2e30));
  EXPECT_FALSE(valid(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(valid(-std::numeric_limits<double>::infinity()));
}

TEST(ToUnit, GrowsAndIsHalfAtHalf) {
  EXPECT_EQ(to_unit(0, 0.35), 0);
  EXPECT_EQ(to_unit(0.35, 0.35), 0.5);
  EXPECT_LT(to_unit(10, 0.35), to_unit(11, 0.35));
  EXPECT_LT(to_unit(1e6, 0.35), 1);
}

TEST(EwmaZ, ScoresByMeanAndSpreadBeforeTheValue) {
  EwmaZ detector(0.5);
  EXPECT_EQ(detector.add_signed(2), 0);
  // The mean is 2, the spread a tenth of that of 2 and 4.
  EXPECT_NEAR(detector.add_signed(4), 2 / 0.1, 1e-6);
  // Now 3 and 1.
  EXPECT_NEAR(detector.add_signed(1), -2, 1e-6);
}

TEST(RobustEwma, IsNotTaughtByAnOutlierAndFollowsALevelThatStays) {
  auto stream = daily_wave(10 * days);
  const std::size_t outlier = 4 * days, level = 6 * days;
  stream[outlier].value = 1e6;
  for (std::size_t i = level; i < stream.size(); ++i) stream[i].value += 1000;
  const auto scores = scores_of<RobustEwma>(stream);
  const auto plain = scores_of<EwmaZ>(stream);
  EXPECT_GT(scores[outlier], 1000);
  // A day later a value 30 above its place stands out from the spread that the outlier has not widened, as it does not for EwmaZ.
  auto later = stream;
  later[outlier + days].value += 30;
  EXPECT_GT(scores_of<RobustEwma>(later)[outlier + days], 2);
  EXPECT_LT(scores_of<EwmaZ>(later)[outlier + days], 0.1);
  EXPECT_GT(scores[level], 20);
  EXPECT_LT(scores[level + 600], 2) << "plain: " << plain[level + 600];
}

TEST(RelativeEntropy, SeesAChangeOfShapeThatMovesNoMean) {
  std::mt19937 random(5);
  std::normal_distribution<double> narrow(0, 0.1), wide(0, 1);
  std::vector<Observation> stream;
  for (int i = 0; i < 1000; ++i)
    stream.push_back({Time(std::chrono::minutes(i)), i < 800 ? wide(random) : i % 2 == 0 ? 2 : -2});
  const auto scores = scores_of<RelativeEntropy>(stream);
  EXPECT_LT(*std::max_element(scores.begin() + 200, scores.begin() + 800), 6);
  EXPECT_GE(*std::max_element(scores.begin() + 800, scores.begin() + 852), 6);
}

TEST(HoltWinters, KnowsTheTimeOfTheDay) {
  auto stream = daily_wave(10 * days);
  // What is usual at noon is not at midnight; for a detector without a season it always is.
  const std::size_t trough = 9 * days + 3 * days / 4;
  stream[trough].value = 110;
  EXPECT_GT(scores_of<HoltWinters>(stream)[trough], 4);
  EXPECT_LT(scores_of<EwmaZ>(stream)[trough], 2);
}

TEST(Novelty, TellsARepeatedSpikeOnce) {
  auto stream = daily_wave(8 * days);
  const std::size_t spike = 6 * days;
  stream[spike].value = stream[spike + 20].value = stream[spike + days].value = 180;
  const auto scores = scores_of<Novelty>(stream);
  EXPECT_GT(to_unit(scores[spike], Novelty::usual), 0.9);
  EXPECT_EQ(scores[spike + 20], 0);
  EXPECT_LT(to_unit(scores[spike + days], Novelty::usual), 0.5) << "it is known by then";
}

TEST(Novelty, KnowsTheTimeOfTheDay) {
  auto stream = daily_wave(10 * days);
  const std::size_t trough = 9 * days + 3 * days / 4;
  for (std::size_t i = trough; i < trough + 6; ++i) stream[i].value = 108;
  const auto usual = scores_of<Novelty>(daily_wave(10 * days));
  const auto scores = scores_of<Novelty>(stream);
  const auto highest = *std::max_element(scores.begin() + trough, scores.begin() + trough + 6);
  EXPECT_GT(to_unit(highest, Novelty::usual), 0.5);
  EXPECT_LT(*std::max_element(usual.begin() + trough, usual.begin() + trough + 6), highest / 2);
}

TEST(Novelty, BearsTimesThatStepBack) {
  Novelty detector;
  for (const int minute : {0, 5, 5, 3, 100'000, 2, -1'000'000})
    EXPECT_GE(detector.add({Time(std::chrono::minutes(minute)), 1.0 * minute}), 0);
}

// It holds nothing outside of itself, and says in Redis only what it has seen.
TEST(Novelty, IsSmall) {
  static_assert(sizeof(Novelty) <= 900 && std::is_trivially_copyable_v<Novelty>);
  EXPECT_LT(save(Novelty()).size(), 600U);
}

}  // namespace
}  // namespace oppen::anomaly
