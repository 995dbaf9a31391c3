// The off-peak window's next opening is the instant at which the cost model's cheap hours begin, in its zone and across its clock changes.
#include "scheduler/plan/window.hpp"

#include <gtest/gtest.h>

#include <random>

#include "workers/cost/pricing/off_peak.hpp"

namespace oppen::plan {
namespace {

pricing::CostModel window(int from_hour, int to_hour, const char* zone = "UTC") {
  pricing::CostModel model;
  model.off_peak_start_minute = from_hour * 60;
  model.off_peak_end_minute = to_hour * 60;
  model.time_zone = zone;
  return model;
}

std::string opens(const char* now, const pricing::CostModel& model) {
  const auto at = next_open(*parse_rfc3339(now), model);
  return at ? to_rfc3339(*at) : "never";
}

TEST(Window, OpensOnTheZonesWallClock) {
  EXPECT_EQ(opens("2026-01-03T12:00:00Z", window(22, 6)), "2026-01-03T22:00:00.000Z");
  EXPECT_EQ(opens("2026-01-03T23:00:00Z", window(22, 6)), "2026-01-03T23:00:00.000Z");
  EXPECT_EQ(opens("2026-01-04T05:59:59.999Z", window(22, 6)), "2026-01-04T05:59:59.999Z");
  EXPECT_EQ(opens("2026-01-04T06:00:00Z", window(22, 6)), "2026-01-04T22:00:00.000Z");
  EXPECT_EQ(opens("2026-01-03T12:00:00Z", window(22, 6, "America/New_York")),
            "2026-01-04T03:00:00.000Z");
  EXPECT_EQ(opens("2026-07-03T12:00:00Z", window(22, 6, "America/New_York")),
            "2026-07-04T02:00:00.000Z");
}

TEST(Window, ASkippedHourOpensADayLater) {
  // In Berlin 02:00 to 03:00 does not exist on 29 March 2026.
  EXPECT_EQ(opens("2026-03-28T12:00:00Z", window(2, 3, "Europe/Berlin")),
            "2026-03-30T00:00:00.000Z");
}

TEST(Window, OneThatIsEmptyNeverOpensAndAWholeDayIsAlwaysOpen) {
  EXPECT_EQ(opens("2026-01-03T12:00:00Z", window(22, 22)), "never");
  EXPECT_TRUE(windows(*parse_rfc3339("2026-01-03T12:00:00Z"), 3, window(22, 22)).empty());
  const auto now = *parse_rfc3339("2026-01-03T12:00:00Z");
  EXPECT_EQ(windows(now, 3, window(0, 24)),
            (std::vector<Window>{{now, now + std::chrono::days(3)}}));
}

TEST(Window, ListsAreWhatTheCostModelSays) {
  const unsigned window_seed = 20260106;
  SCOPED_TRACE(testing::Message() << "seed " << window_seed);
  std::mt19937 random(window_seed);
  for (const char* zone : {"UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"}) {
    const auto model =
        window(static_cast<int>(random() % 24), static_cast<int>(random() % 24), zone);
    const auto now = Time(std::chrono::seconds(1'770'000'000 + random() % 10'000'000));
    const auto list = windows(now, 40, model);
    for (int i = 0; i < 500; ++i) {
      const auto at = now + std::chrono::milliseconds(random() % (40ULL * 86'400'000));
      bool open = false;
      for (const auto& each : list) open = open || (each.opens <= at && at < each.closes);
      EXPECT_EQ(open, pricing::is_off_peak(at, model)) << zone << " " << to_rfc3339(at);
    }
  }
}

}  // namespace
}  // namespace oppen::plan
