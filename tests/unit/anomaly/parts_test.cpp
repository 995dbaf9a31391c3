// The parts that the default detector is made of.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "workers/anomaly/detect/daily_profile.hpp"
#include "workers/anomaly/detect/novelty_bank.hpp"
#include "workers/anomaly/detect/rarity.hpp"
#include "workers/anomaly/detect/recent_range.hpp"
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

// A bank with a memory of its own.
class Bank {
 public:
  double add(double value) { return bank_.add(value, memory_, 0); }
  std::size_t remembered() { return memory_.of(0).size(); }

 private:
  NoveltyMemory memory_;
  NoveltyBank bank_;
};

// Two values in turn: mean 0, standard deviation 1.
Bank learnt() {
  Bank bank;
  for (int i = 0; i < 1000; ++i) bank.add(i % 2 == 0 ? 1 : -1);
  return bank;
}

TEST(NoveltyBank, MeasuresTheDistanceFromWhatItRemembers) {
  auto bank = learnt();
  EXPECT_EQ(bank.remembered(), 2U);
  EXPECT_NEAR(bank.add(0), 1, 4e-2) << "between the two";
  EXPECT_NEAR(bank.add(4), 3, 4e-2);
  EXPECT_NEAR(bank.add(4), 0, 1e-6) << "it is remembered";
  EXPECT_NEAR(bank.add(4.1), 0.1, 4e-2);
  EXPECT_EQ(bank.remembered(), 4U) << "what is near stands for it";
}

TEST(NoveltyBank, ForgetsTheLeastUsed) {
  auto bank = learnt();
  for (int i = 0; i < 200; ++i) bank.add(10 * std::pow(1.3, i));
  EXPECT_EQ(bank.remembered(), NoveltyMemory::most_of_view);
  EXPECT_NEAR(bank.add(1), 0, 1e-6) << "used often";
}

TEST(NoveltyBank, SaysNothingAtFirst) {
  Bank bank;
  for (int i = 0; i < 21; ++i) EXPECT_EQ(bank.add(i * i), 0);
}

TEST(NoveltyBank, TellsAChangeOfWhatNeverChanged) {
  Bank bank;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bank.add(3), 0);
  EXPECT_EQ(bank.add(3.5), NoveltyBank::farthest);
}

// A float alone could not tell these values apart.
TEST(NoveltyBank, KeepsSmallDifferencesOfLargeValues) {
  Bank bank;
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
  EXPECT_NEAR(rarity.add(3), 3 * std::pow(0.101, 0.3), 0.05);
}

TEST(Rarity, CountsWhatWasLongAgoAsFourThousandValues) {
  Rarity rarity;
  for (int i = 0; i < 70; ++i) rarity.add(2);
  for (int i = 0; i < 4'999; ++i) rarity.add(0);
  EXPECT_NEAR(rarity.add(2), 2 * std::pow(4, 0.3), 0.01);
}

TEST(Remembered, IsPlacedFinelyAboutTheOriginAndToAHundredthFarFromIt) {
  for (const double units : {0.0, 0.3, -1.0, 2.5, -7.0}) {
    EXPECT_NEAR(Remembered(units).units(), units, 0.025) << units;
  }
  for (const double units : {20.0, -90.0, 250.0})
    EXPECT_NEAR(Remembered(units).units() / units, 1, 0.005) << units;
  EXPECT_EQ(Remembered(1e9).place(), Remembered(300).place()) << "the last place";
  EXPECT_LT(Remembered(-1e30).place(), Remembered(-250).place());
}

// 2^n uses are told from 2^(n+2), however many they are.
TEST(Remembered, CountsUsesByTheirLogarithm) {
  Remembered one(1.5);
  const auto place = one.place();
  std::uint32_t uses = 1;
  for (unsigned n = 2; n < 14; ++n) {
    for (; uses < (1U << n); ++uses) one.count_use(uses);
    EXPECT_NEAR(one.uses(), n, 1.01);
  }
  for (int i = 0; i < 100; ++i) one.halve_uses();
  EXPECT_EQ(one.uses(), 0U);
  EXPECT_EQ(one.place(), place);
}

TEST(NoveltyMemory, ForgetsTheLeastUsedOfAllWhereAllIsFull) {
  NoveltyMemory memory;
  const auto fill = [&](std::size_t view, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      memory.remember(view, Remembered(static_cast<double>(i)));
  };
  fill(0, 20);
  for (auto& one : memory.of(0)) one.count_use(1);
  fill(1, 64);
  fill(2, 64);
  fill(3, NoveltyMemory::most - 20 - 64 - 64);
  fill(4, 30);
  EXPECT_EQ(memory.of(0).size(), 20U) << "used more often";
  EXPECT_EQ(memory.of(4).size(), 30U);
  std::size_t total = 0;
  for (std::size_t view = 0; view < NoveltyMemory::views; ++view) total += memory.of(view).size();
  EXPECT_EQ(total, NoveltyMemory::most);
  EXPECT_EQ(memory.of(4).front().place(), Remembered(0).place());
  EXPECT_EQ(memory.of(4).back().place(), Remembered(29).place());
}

// Of values far from zero, which drift away from where they began.
TEST(RecentRange, IsOfTheLastValues) {
  RecentRange recent;
  const auto value_of = [](std::uint32_t i) { return 1e12 + 100.0 * i + (i * 7919) % 640; };
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    recent.add(value_of(i), i);
    if (i > 100 && i % 997 != 0) continue;
    for (const std::uint32_t count : {24U, 48U}) {
      // It begins with a block.
      const auto of = std::min(count - RecentRange::block + 1 + i % RecentRange::block, i + 1);
      double low = value_of(i), high = low;
      for (std::uint32_t j = i + 1 - of; j < i; ++j) {
        low = std::min(low, value_of(j));
        high = std::max(high, value_of(j));
      }
      ASSERT_NEAR(recent.of(i, count), high - low, 2e-3 * (high - low)) << i;
    }
  }
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
