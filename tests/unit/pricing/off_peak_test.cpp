// Proves when the cheap hours are: window edges to the millisecond, windows across midnight, empty
// and whole-day ones, and the days on which the clocks change, against a minute-by-minute count.
#include "workers/cost/pricing/off_peak.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <random>
#include <string>

namespace oppen::pricing {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::minutes;

Time at(const char* text) { return parse_rfc3339(text).value(); }

CostModel window(int start_minute, int end_minute, const char* zone) {
  CostModel model;
  model.off_peak_start_minute = start_minute;
  model.off_peak_end_minute = end_minute;
  model.time_zone = zone;
  return model;
}

milliseconds within(const char* start, const char* end, const CostModel& model) {
  return off_peak_within(at(start), at(end), model);
}

TEST(OffPeak, OpensAndClosesToTheMillisecond) {
  const CostModel model;  // 22:00-06:00 UTC
  EXPECT_FALSE(is_off_peak(at("2026-01-03T21:59:59.999Z"), model));
  EXPECT_TRUE(is_off_peak(at("2026-01-03T22:00:00Z"), model));
  EXPECT_TRUE(is_off_peak(at("2026-01-04T00:00:00Z"), model));
  EXPECT_TRUE(is_off_peak(at("2026-01-04T05:59:59.999Z"), model));
  EXPECT_FALSE(is_off_peak(at("2026-01-04T06:00:00Z"), model));
  EXPECT_EQ(within("2026-01-03T21:59:59.999Z", "2026-01-03T22:00:00.001Z", model), 1ms);
  EXPECT_EQ(within("2026-01-04T05:59:59.999Z", "2026-01-04T06:00:00.001Z", model), 1ms);
}

TEST(OffPeak, CountsWholeNightsAndParts) {
  const CostModel model;
  EXPECT_EQ(within("2026-01-03T12:00:00Z", "2026-01-04T12:00:00Z", model), 8h);
  EXPECT_EQ(within("2026-01-03T00:00:00Z", "2026-01-10T00:00:00Z", model), 7 * 8h);
  EXPECT_EQ(within("2026-01-03T21:00:00Z", "2026-01-03T23:00:00Z", model), 1h);
  EXPECT_EQ(within("2026-01-03T07:00:00Z", "2026-01-03T21:00:00Z", model), 0h);
  EXPECT_EQ(within("2026-01-03T23:00:00Z", "2026-01-03T22:00:00Z", model), 0h);
}

TEST(OffPeak, OfAWindowInsideTheDay) {
  const CostModel model = window(12 * 60, 13 * 60, "UTC");
  EXPECT_EQ(within("2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", model), 1h);
  EXPECT_EQ(within("2026-01-03T12:30:00Z", "2026-01-04T12:15:00Z", model), 45min);
}

TEST(OffPeak, StartEqualToEndIsNever) {
  for (const int minute : {0, 60, 1'439}) {
    EXPECT_EQ(within("2026-01-03T00:00:00Z", "2026-02-03T00:00:00Z",
                     window(minute, minute, "Europe/Berlin")),
              0h);
  }
}

TEST(OffPeak, TheWholeDayIsAlways) {
  EXPECT_EQ(within("2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z", window(0, 1'440, "UTC")), 72h);
  EXPECT_EQ(
      within("2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z", window(0, 1'440, "Europe/Berlin")),
      72h);
}

TEST(OffPeak, AWindowToTheDaysEnd) {
  const CostModel to_24 = window(22 * 60, 1'440, "UTC");
  const CostModel to_0 = window(22 * 60, 0, "UTC");
  EXPECT_EQ(within("2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z", to_24), 4h);
  EXPECT_EQ(within("2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z", to_0), 4h);
}

TEST(OffPeak, FollowsTheWallClockThroughTheYear) {
  const CostModel berlin = window(22 * 60, 6 * 60, "Europe/Berlin");
  EXPECT_TRUE(is_off_peak(at("2026-01-15T21:00:00Z"), berlin));  // 22:00 CET
  EXPECT_FALSE(is_off_peak(at("2026-01-15T20:59:59Z"), berlin));
  EXPECT_TRUE(is_off_peak(at("2026-07-15T20:00:00Z"), berlin));  // 22:00 CEST
  EXPECT_FALSE(is_off_peak(at("2026-07-15T19:59:59Z"), berlin));
  EXPECT_FALSE(is_off_peak(at("2026-07-15T04:00:00Z"), berlin));  // 06:00 CEST
}

TEST(OffPeak, TheNightInWhichTheClocksChangeIsAsLongAsItIsLived) {
  const CostModel berlin = window(22 * 60, 6 * 60, "Europe/Berlin");
  EXPECT_EQ(within("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z", berlin),
            7h);  // 02:00 to 03:00 is skipped
  EXPECT_EQ(within("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z", berlin),
            9h);  // 02:00 to 03:00 comes twice
  const CostModel new_york = window(22 * 60, 6 * 60, "America/New_York");
  EXPECT_EQ(within("2026-03-07T17:00:00Z", "2026-03-08T17:00:00Z", new_york), 7h);
  EXPECT_EQ(within("2026-10-31T17:00:00Z", "2026-11-01T17:00:00Z", new_york), 9h);
}

TEST(OffPeak, AWindowInsideTheRepeatedHourOpensTwice) {
  const CostModel model = window(2 * 60 + 15, 2 * 60 + 45, "Europe/Berlin");
  EXPECT_EQ(within("2026-10-24T22:00:00Z", "2026-10-25T22:00:00Z", model), 1h);
  EXPECT_TRUE(is_off_peak(at("2026-10-25T00:30:00Z"), model));   // 02:30 CEST
  EXPECT_FALSE(is_off_peak(at("2026-10-25T01:00:00Z"), model));  // 02:00 CET
  EXPECT_TRUE(is_off_peak(at("2026-10-25T01:30:00Z"), model));   // 02:30 CET
}

TEST(OffPeak, AWindowInsideTheSkippedHourDoesNotOpen) {
  const CostModel model = window(2 * 60 + 15, 2 * 60 + 45, "Europe/Berlin");
  EXPECT_EQ(within("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", model), 0h);
}

TEST(OffPeak, AgreesWithAMinuteByMinuteCount) {
  std::mt19937_64 random(20260103);
  const char* zones[] = {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata",
                         "Australia/Lord_Howe"};
  const auto uniform = [&](int from, int to) {
    return std::uniform_int_distribution<int>(from, to)(random);
  };
  for (int round = 0; round < 40; ++round) {
    const CostModel model = window(uniform(0, 1'439), uniform(0, 1'440), zones[uniform(0, 4)]);
    const Time start = at("2026-01-01T00:00:00Z") + minutes(uniform(0, 365 * 1'440));
    const int length = uniform(0, 2 * 1'440);
    milliseconds counted{};
    for (int minute = 0; minute < length; ++minute) {
      if (is_off_peak(start + minutes(minute), model)) counted += minutes(1);
    }
    EXPECT_EQ(off_peak_within(start, start + minutes(length), model), counted)
        << to_rfc3339(start) << " + " << length << " min, " << model.off_peak_start_minute << "-"
        << model.off_peak_end_minute << " " << model.time_zone;
  }
}

TEST(OffPeak, KnowsUtcAndIanaZones) {
  for (const char* zone :
       {"UTC", "Etc/UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"}) {
    EXPECT_TRUE(zone_exists(zone)) << zone;
  }
  for (const char* zone : {"", "Berlin", "europe/berlin", "CEST", "UTC+2", "/etc/passwd"}) {
    EXPECT_FALSE(zone_exists(zone)) << zone;
  }
}

std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoul(line.substr(8));
  }
  return 0;
}

TEST(OffPeak, ZonesCostLittleMemory) {
  const std::size_t before = resident_kib();
  for (const char* zone : {"Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney"}) {
    EXPECT_GE(within("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", window(22 * 60, 6 * 60, zone)),
              2'000h);
  }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr std::size_t bound = 16'384;  // the sanitizer keeps books of its own
#else
  constexpr std::size_t bound = 1'024;
#endif
  EXPECT_LT(resident_kib(), before + bound);
}

}  // namespace
}  // namespace oppen::pricing
