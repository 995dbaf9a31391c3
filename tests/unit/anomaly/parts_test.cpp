// The parts that the default detector is made of.
#include <gtest/gtest.h>

#include <cmath>

#include "workers/anomaly/detect/daily_profile.hpp"
#include "workers/anomaly/detect/novelty_bank.hpp"
#include "workers/anomaly/detect/rarity.hpp"
#include "workers/anomaly/detect/running_scale.hpp"

namespace oppen::anomaly {
namespace {

TEST(RunningScale, GivesThePopulationsMomentsFirst) {
  RunningScale scale(0.1);
  for (const double value : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) scale.add(value);
  EXPECT_NEAR(scale.mean(), 5, 1e-12);
  EXPECT_NEAR(scale.deviation(), 2, 1e-12);
  for (int i = 0; i < 200; ++i) scale.add(1);
  EXPECT_NEAR(scale.mean(), 1, 1e-6) << "then forgets";
}

// Two values in turn: mean 0, standard deviation 1.
NoveltyBank learnt() {
  NoveltyBank bank;
  for (int i = 0; i < 1000; ++i) bank.add(i % 2 == 0 ? 1 : -1);
  return bank;
}

TEST(NoveltyBank, MeasuresTheDistanceFromWhatItRemembers) {
  auto bank = learnt();
  EXPECT_EQ(bank.remembered(), 2U);
  EXPECT_NEAR(bank.add(0), 1, 1e-3) << "between the two";
  EXPECT_NEAR(bank.add(4), 3, 1e-2);
  EXPECT_NEAR(bank.add(4), 0, 1e-6) << "it is remembered";
  EXPECT_NEAR(bank.add(4.1), 0.1, 1e-2);
  EXPECT_EQ(bank.remembered(), 4U) << "what is near stands for it";
}

TEST(NoveltyBank, ForgetsTheLeastUsed) {
  auto bank = learnt();
  for (int i = 0; i < 200; ++i) bank.add(10 * std::pow(1.3, i));
  EXPECT_EQ(bank.remembered(), NoveltyBank::most);
  EXPECT_NEAR(bank.add(1), 0, 1e-6) << "used often";
}

TEST(NoveltyBank, SaysNothingAtFirst) {
  NoveltyBank bank;
  for (int i = 0; i < 21; ++i) EXPECT_EQ(bank.add(i * i), 0);
}

TEST(NoveltyBank, TellsAChangeOfWhatNeverChanged) {
  NoveltyBank bank;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bank.add(3), 0);
  EXPECT_EQ(bank.add(3.5), NoveltyBank::farthest);
}

// A float alone could not tell these values apart.
TEST(NoveltyBank, KeepsSmallDifferencesOfLargeValues) {
  NoveltyBank bank;
  bank.add(0);
  for (int i = 0; i < 400'000; ++i) bank.add(1e12 + (i % 2 == 0 ? 1 : -1));
  for (int i = 0; i < 10; ++i) {
    EXPECT_LT(bank.add(1e12 + 1), 0.2);
    EXPECT_LT(bank.add(1e12 - 1), 0.2);
  }
  EXPECT_NEAR(bank.add(1e12 + 11), 10, 1);
}

TEST(Rarity, CountsAScoreByTheTimeSinceOneAsHigh) {
  Rarity rarity;
  EXPECT_EQ(rarity.add(1), 0) << "there is no past yet";
  for (int i = 0; i < 998; ++i) EXPECT_EQ(rarity.add(0), 0);
  EXPECT_NEAR(rarity.add(2), 2, 0.01) << "1,000 values without";
  EXPECT_EQ(rarity.add(1.5), 0) << "something higher was just told";
  EXPECT_GT(rarity.add(3), 0) << "higher than that";
  for (int i = 0; i < 50; ++i) EXPECT_EQ(rarity.add(3), 0);
  for (int i = 0; i < 100; ++i) rarity.add(0);
  EXPECT_NEAR(rarity.add(3), 3 * std::pow(0.101, 0.3), 0.01);
}

Time hours(double count) {
  return Time(std::chrono::milliseconds(static_cast<std::int64_t>(count * 3'600'000)));
}

TEST(DailyProfile, ExpectsWhatTheDaysBeforeWere) {
  DailyProfile profile;
  for (int hour = 0; hour < 24; ++hour)
    EXPECT_FALSE(profile.add({hours(hour), hour / 4 == 3 ? 10.0 : 2.0})) << hour;
  EXPECT_EQ(profile.add({hours(24 + 14), 0}), 10) << "the middle of its part";
  EXPECT_EQ(profile.add({hours(24 + 15), 0}), 8) << "a quarter of the way to the next middle";
  EXPECT_EQ(profile.add({hours(24 + 12), 0}), 6) << "half of the way from the one before";
}

TEST(DailyProfile, DoesNotDependOnTheInterval) {
  DailyProfile coarse, fine;
  for (int minute = 0; minute < 2880; ++minute) {
    const double value = minute / 60 % 24;
    fine.add({hours(minute / 60.0), value});
    if (minute % 60 == 0) coarse.add({hours(minute / 60.0), value});
  }
  EXPECT_NEAR(*coarse.add({hours(53), 0}), *fine.add({hours(53), 0}), 1e-9);
}

}  // namespace
}  // namespace oppen::anomaly
