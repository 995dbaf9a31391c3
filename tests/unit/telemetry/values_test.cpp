// Proves that numbers of GPUs are taken only where they can be true.
#include "producers/telemetry/sources/values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace oppen::telemetry {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double int32_blank = 2147483632;
constexpr double fp64_blank = 140737488355328.0;
constexpr double int64_blank = 9223372036854775792.0;

TEST(Values, KeepsWhatCanBe) {
  EXPECT_EQ(as_percent(0), 0);
  EXPECT_EQ(as_percent(100), 100);
  EXPECT_EQ(as_memory_mb(81559), 81559);
  EXPECT_EQ(as_celsius(-5), -5);
  EXPECT_EQ(as_watts(689.12), 689.12);
  EXPECT_EQ(as_xid(79), 79);
  EXPECT_EQ(as_count(2147483631), 2147483631);
  EXPECT_EQ(as_count(2147483648), 2147483648);
}

TEST(Values, RefusesSentinelsAndNonsense) {
  for (const double blank :
       {int32_blank, int32_blank + 1, int32_blank + 15, fp64_blank, fp64_blank + 3, int64_blank,
        int64_blank + 15, std::nan(""), static_cast<double>(INFINITY), -1e9}) {
    EXPECT_EQ(as_percent(blank), std::nullopt) << blank;
    EXPECT_EQ(as_memory_mb(blank), std::nullopt) << blank;
    EXPECT_EQ(as_celsius(blank), std::nullopt) << blank;
    EXPECT_EQ(as_watts(blank), std::nullopt) << blank;
    EXPECT_EQ(as_xid(blank), std::nullopt) << blank;
    EXPECT_EQ(as_count(blank), std::nullopt) << blank;
    EXPECT_EQ(as_reasons(blank), std::nullopt) << blank;
  }
  EXPECT_EQ(as_percent(100.5), std::nullopt);
  EXPECT_EQ(as_count(0.5), std::nullopt);
  EXPECT_EQ(as_xid(31.5), std::nullopt);
}

TEST(ThrottleReasons, AreNamedIdlenessAside) {
  EXPECT_THAT(throttle_reasons(0), IsEmpty());
  EXPECT_THAT(throttle_reasons(1), IsEmpty());
  EXPECT_THAT(throttle_reasons(0x4), ElementsAre("sw_power_cap"));
  EXPECT_THAT(throttle_reasons(0xe9),
              ElementsAre("hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown",
                          "hw_power_brake_slowdown"));
  EXPECT_THAT(throttle_reasons(1ULL << 63 | 1 << 10), ElementsAre("reliability", "reason_63"));
}

TEST(Numbers, AreWholeTexts) {
  EXPECT_EQ(parse_number("63.71"), 63.71);
  EXPECT_EQ(parse_number("1.2e+04"), 12000);
  for (const char* text : {"", " 1", "1 ", "1,5", "0x4", "nan", "inf", "1e999", "-", "12W"})
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
}

}  // namespace
}  // namespace oppen::telemetry
