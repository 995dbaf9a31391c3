// Values that are found by a number instead of their keys are the same values.
#include "workers/anomaly/episodes/kept.hpp"

#include <gtest/gtest.h>

namespace oppen::anomaly {
namespace {

TEST(Kept, WhatIsFoundByItsNumberIsWhatItsKeyNames) {
  Kept<int> kept("hash");
  // Many numbers for few keys, as many GPUs are of one node, and more than are known at a time.
  constexpr int numbers = 20'000;
  for (int round = 0; round < 2; ++round) {
    for (int number = 0; number < numbers; ++number)
      ++kept.at(static_cast<std::uint64_t>(number), std::to_string(number % 7));
  }
  int sum = 0;
  for (const auto& [key, value] : kept.all()) sum += value;
  EXPECT_EQ(kept.all().size(), 7);
  EXPECT_EQ(sum, 2 * numbers);
  EXPECT_EQ(*kept.find("3"), kept.at(3, "3"));
}

TEST(Kept, WhatWasTakenOutBeginsAnewAndIsStoredAgain) {
  Kept<int> kept("hash");
  kept.at(1, "one") = 5;
  std::vector<Cell> cells;
  kept.take_changes(cells);
  cells.clear();
  kept.erase_if([](int value) { return value == 5; });
  EXPECT_EQ(kept.at(1, "one"), 0);
  kept.take_changes(cells);
  ASSERT_EQ(cells.size(), 1);
  EXPECT_EQ(cells[0].value, "0");
  cells.clear();
  kept.at(1, "one") = 7;
  kept.take_changes(cells);
  ASSERT_EQ(cells.size(), 1);
  EXPECT_EQ(cells[0].value, "7");
}

}  // namespace
}  // namespace oppen::anomaly
