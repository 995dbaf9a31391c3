// Each charge is summed once, whatever is published again, and what is stored is all there is to know.
#include "workers/cost/budgets/keeper/tally.hpp"

#include <random>

#include "tests/unit/budgets/given.hpp"

namespace oppen::budgets {
namespace {

using namespace std::chrono_literals;

const Time day = at("2026-11-20T00:00:00Z");
const Period november{at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z")};

struct Published {
  std::string id;
  CostAccrued event;
};

// Ten intervals of 7, a correction that goes back to the sixth, and two more.
std::vector<Published> charges_of(const std::string& job) {
  std::vector<Published> all;
  for (int i = 0; i < 10; ++i)
    all.push_back({job + "/1/" + std::to_string(i) + "-" + std::to_string(i + 1),
                   charge(job, day + i * 30s, 7)});
  auto back = charge(job, day + 5 * 30s, -30);
  back.interval_end = day + 10 * 30s;
  back.correction = true;
  all.push_back({job + "/1/5-10/c1", back});
  for (int i = 5; i < 7; ++i)
    all.push_back({job + "/1/" + std::to_string(i) + "-" + std::to_string(i + 1) + "/1",
                   charge(job, day + i * 30s, 9)});
  return all;
}
constexpr std::int64_t total_of = 10 * 7 - 30 + 2 * 9;

TEST(Tally, ARepetitionFromAnyPointOnChangesNothing) {
  const auto all = charges_of("a");
  for (std::size_t died_at = 1; died_at <= all.size(); ++died_at) {
    for (std::size_t again_from = 0; again_from < died_at; ++again_from) {
      Tally tally;
      for (std::size_t i = 0; i < died_at; ++i)
        EXPECT_TRUE(tally.add(all[i].id, all[i].event, day));
      for (std::size_t i = again_from; i < all.size(); ++i)
        EXPECT_EQ(tally.add(all[i].id, all[i].event, day), i >= died_at);
      EXPECT_EQ(tally.spent({}, november).value, total_of) << died_at << " " << again_from;
    }
  }
}

TEST(Tally, ScopesAndDaysAddUp) {
  Tally tally;
  tally.add("a/1/0-1", charge("a", day, 5), day);
  tally.add("b/1/0-1", charge("b", day + 24h, 6, "speech"), day);
  tally.add("c/1/0-1", charge("c", at("2026-12-01T00:00:00Z"), 100), day);
  EXPECT_EQ(tally.spent({}, november).value, 11);
  EXPECT_EQ(tally.spent({"vision", ""}, november).value, 5);
  EXPECT_EQ(tally.spent({"", "ocr"}, november).value, 11);
  const auto days = tally.last_days({}, day + 72h, 7);
  ASSERT_EQ(days.size(), 3U);  // nothing was spent before
  EXPECT_EQ(days[0].value, 5);
  EXPECT_EQ(days[1].value, 6);
  EXPECT_EQ(days[2].value, 0);
}

// A keeper dies at any point, and the next one reads on from what was stored.
TEST(Tally, WhatIsStoredIsAllThereIsToKnow) {
  std::map<std::pair<std::string, std::string>, std::string> stored;
  auto all = charges_of("a");
  for (const auto& more : charges_of("b")) all.push_back(more);
  std::mt19937 random(1);
  auto tally = std::make_unique<Tally>();
  for (std::size_t i = 0; i < all.size(); ++i) {
    tally->add(all[i].id, all[i].event, day);
    for (auto& cell : tally->take_changes()) stored[{cell.hash, cell.field}] = cell.value;
    if (random() % 3 != 0) continue;
    tally = std::make_unique<Tally>();
    for (const auto& [where, value] : stored)
      ASSERT_TRUE(tally->load(where.first, where.second, value)) << where.second;
    EXPECT_FALSE(tally->add(all[i].id, all[i].event, day));
  }
  EXPECT_EQ(tally->spent({}, november).value, 2 * total_of);
}

TEST(Tally, WhatIsOldIsForgotten) {
  Tally tally;
  tally.add("a/1/0-1", charge("a", day, 5), day);
  tally.take_changes();
  tally.forget(day + Tally::keep_marks + 1min);
  auto gone = tally.take_changes();
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].hash + " " + gone[0].field + gone[0].value, "marks a/1");
  EXPECT_EQ(tally.spent({}, november).value, 5);
  tally.forget(day + Tally::keep_days + 24h);
  gone = tally.take_changes();
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].hash, "days");
  EXPECT_EQ(tally.spent({}, november).value, 0);
}

}  // namespace
}  // namespace oppen::budgets
