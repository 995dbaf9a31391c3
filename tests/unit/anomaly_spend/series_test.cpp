#include "workers/anomaly/spend/series.hpp"

#include <gtest/gtest.h>

#include "workers/anomaly/detect/state.hpp"

namespace oppen::anomaly {
namespace {

constexpr Slot midnight = 20'454 * slots_a_day;

// $1 each hour, $3 between 12:00 and 13:00.
Series ten_days() {
  Series series(midnight);
  for (Slot slot = midnight; slot < midnight + 10 * slots_a_day; ++slot) {
    series.advance(slot);
    const auto hour = slot % slots_a_day / 12;
    series.add(slot, (hour == 12 ? 3'000'000 : 1'000'000) / 12);
  }
  series.advance(midnight + 10 * slots_a_day);
  return series;
}

TEST(SpendSeries, SumsDaysAndSlotsExactly) {
  const auto series = ten_days();
  // 23 hours of 12 x 83,333 and one of 12 x 250,000.
  EXPECT_EQ(series.day_sum(20'454 + 3), 23 * 12 * 83'333 + 12 * 250'000);
  EXPECT_EQ(series.slots_sum(midnight + 10 * slots_a_day, 4), 4 * 83'333);
  EXPECT_EQ(series.day_sum(20'454 + 10), 0) << "it has just begun";
}

TEST(SpendSeries, LearnsTheShapeOfTheDay) {
  const auto series = ten_days();
  const Slot noon = midnight + 10 * slots_a_day + 144;
  // An hour of $3 of a day of $26, seen on nine days at least; as if one more day had been flat: (9 x 3/26 + 1/24) / 10.
  EXPECT_NEAR(series.usual_part(noon, noon + 12, nullptr), (9 * 3.0 / 26 + 1.0 / 24) / 10, 2e-3);
  EXPECT_NEAR(series.usual_part(midnight, midnight + slots_a_day, nullptr), 1, 1e-6);
}

TEST(SpendSeries, APartOfItIsTakenToBeLikeTheWholeAtFirst) {
  const auto whole = ten_days();
  const Series part(midnight + 10 * slots_a_day);
  const Slot noon = midnight + 144;
  EXPECT_DOUBLE_EQ(part.usual_part(noon, noon + 12, &whole),
                   whole.usual_part(noon, noon + 12, nullptr));
}

TEST(SpendSeries, PeaksAreTheMostInAWindowOfTheDaysBefore) {
  const auto series = ten_days();
  // Three hours with that of $3: 5; an hour of it; 20 minutes of it.
  EXPECT_NEAR(series.peak(hours_3, 20'464), 5e6, 100);
  EXPECT_NEAR(series.peak(hour_1, 20'464), 3e6, 100);
  EXPECT_NEAR(series.peak(minutes_20, 20'464), 1e6, 100);
}

TEST(SpendSeries, LearnsNothingWhileItIsTold) {
  auto series = ten_days();
  series.learns = false;
  const Slot now = midnight + 10 * slots_a_day;
  for (Slot slot = now; slot < now + 100; ++slot) {
    series.advance(slot);
    series.add(slot, 9'000'000);
  }
  series.advance(now + 112);
  EXPECT_NEAR(series.peak(hour_1, 20'464), 3e6, 100);
  EXPECT_EQ(series.day_sum(20'464), 900'000'000) << "sums are kept all the same";
}

TEST(SpendSeries, TakesLateOnesIntoItsDay) {
  auto series = ten_days();
  const auto before = series.day_sum(20'454 + 8);
  series.add(midnight + 8 * slots_a_day + 5, 1'000'000);
  EXPECT_EQ(series.day_sum(20'454 + 8), before + 1'000'000);
}

TEST(SpendSeries, ForgetsWhatIsOlderThanItsDays) {
  auto series = ten_days();
  series.bar = 2;
  series.advance(midnight + 100 * slots_a_day);
  for (std::int64_t day = 20'454 + 66; day <= 20'454 + 100; ++day)
    EXPECT_EQ(series.day_sum(day), 0);
  EXPECT_EQ(series.bar, 2);
}

TEST(SpendSeries, GoesOnFromItsState) {
  auto series = ten_days();
  auto restored = restore<Series>(save(series));
  ASSERT_TRUE(restored);
  for (Series* one : {&series, &*restored}) {
    one->advance(midnight + 11 * slots_a_day);
    one->add(midnight + 11 * slots_a_day, 5);
  }
  EXPECT_EQ(save(series), save(*restored));
}

TEST(SpendSeries, IsSmall) { EXPECT_LE(sizeof(Series), 1'100U); }

}  // namespace
}  // namespace oppen::anomaly
