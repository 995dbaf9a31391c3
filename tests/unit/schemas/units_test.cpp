// Proves that amounts, quantities and times are read and written exactly, at their edges too.
#include "schemas/units.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "schemas/time.hpp"

namespace oppen {
namespace {

TEST(MicroUsd, ShowsFourDecimalsBelowADollarAndTwoFromThere) {
  EXPECT_EQ(to_string(MicroUsd{20500}), "$0.0205");
  EXPECT_EQ(to_string(MicroUsd{0}), "$0.0000");
  EXPECT_EQ(to_string(MicroUsd{1}), "$0.0000");
  EXPECT_EQ(to_string(MicroUsd{-1}), "$0.0000");
  EXPECT_EQ(to_string(MicroUsd{999949}), "$0.9999");
  EXPECT_EQ(to_string(MicroUsd{999950}), "$1.00");
  EXPECT_EQ(to_string(MicroUsd{12'345'678}), "$12.35");
  EXPECT_EQ(to_string(MicroUsd{-20500}), "-$0.0205");
  EXPECT_EQ(to_string(MicroUsd{std::numeric_limits<std::int64_t>::min()}), "-$9223372036854.78");
}

TEST(Quantities, ReadCpu) {
  EXPECT_EQ(parse_millicores("500m").value(), 500);
  EXPECT_EQ(parse_millicores("2").value(), 2000);
  EXPECT_EQ(parse_millicores("1.5").value(), 1500);
  EXPECT_EQ(parse_millicores(".5").value(), 500);
  EXPECT_EQ(parse_millicores("1.").value(), 1000);
  EXPECT_EQ(parse_millicores("+3").value(), 3000);
  EXPECT_EQ(parse_millicores("2k").value(), 2'000'000);
  EXPECT_EQ(parse_millicores("1e2").value(), 100'000);
  EXPECT_EQ(parse_millicores("1e-3").value(), 1);
  EXPECT_EQ(parse_millicores("0").value(), 0);
}

TEST(Quantities, RoundUpWhatIsFinerThanTheUnit) {
  EXPECT_EQ(parse_millicores("1u").value(), 1);
  EXPECT_EQ(parse_millicores("1500001u").value(), 1501);
  EXPECT_EQ(parse_millicores("0.0000000000000000000000001").value(), 1);
  EXPECT_EQ(parse_millicores("0.1000000000000000055").value(), 101);
  EXPECT_EQ(parse_bytes("0.5").value(), 1);
  EXPECT_EQ(parse_bytes("1e-18").value(), 1);
  EXPECT_EQ(parse_bytes("99999999999999999e-18").value(), 1);
}

TEST(Quantities, ReadMemory) {
  EXPECT_EQ(parse_bytes("256Mi").value(), 256LL << 20);
  EXPECT_EQ(parse_bytes("2Gi").value(), 2LL << 30);
  EXPECT_EQ(parse_bytes("1.5Gi").value(), 1536LL << 20);
  EXPECT_EQ(parse_bytes("1G").value(), 1'000'000'000);
  EXPECT_EQ(parse_bytes("1e9").value(), 1'000'000'000);
  EXPECT_EQ(parse_bytes("1E9").value(), 1'000'000'000);
  EXPECT_EQ(parse_bytes("0.001E").value(), 1'000'000'000'000'000);
  EXPECT_EQ(parse_bytes("8Pi").value(), 1LL << 53);
  EXPECT_EQ(parse_bytes("34359738368000m").value(), 34359738368);
}

TEST(Quantities, RefuseWhatIsMalformedNegativeOrTooLarge) {
  for (const char* text : {"",
                           " ",
                           "-1",
                           "--1",
                           "1x",
                           "Gi",
                           "1gi",
                           "1 Gi",
                           "1GiB",
                           ".",
                           "1..2",
                           "1e",
                           "1e+",
                           "1e400",
                           "0x10",
                           "1_0",
                           "9007199254740993",
                           "9Pi",
                           "1Ei",
                           "1E",
                           "999999999999999999999999999",
                           "inf",
                           "nan",
                           "1e19",
                           "1Mi "}) {
    EXPECT_FALSE(parse_bytes(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_millicores("9007199254741").has_value());
  EXPECT_FALSE(parse_millicores("1E").has_value());
  const auto refused = parse_bytes("twelve");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_NE(refused.error().message.find("\"twelve\""), std::string::npos);
}

TEST(Quantities, AreWrittenShortAndReadBackTheSame) {
  EXPECT_EQ(format_millicores(1500), "1500m");
  EXPECT_EQ(format_millicores(2000), "2");
  EXPECT_EQ(format_millicores(0), "0");
  EXPECT_EQ(format_bytes(2147483648), "2Gi");
  EXPECT_EQ(format_bytes(1536LL << 20), "1536Mi");
  EXPECT_EQ(format_bytes(1'000'000'000), "1G");
  EXPECT_EQ(format_bytes(1023), "1023");
  EXPECT_EQ(format_bytes(0), "0");
  for (const std::int64_t bytes :
       {1LL, 1000LL, 1024LL, 1'024'000LL, 123'456'789LL, 1LL << 53, (1LL << 53) - 1}) {
    EXPECT_EQ(parse_bytes(format_bytes(bytes)).value(), bytes);
  }
}

Time at(std::int64_t milliseconds) { return Time{std::chrono::milliseconds{milliseconds}}; }

TEST(Time, IsReadWithOffsetsAndAnyFraction) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z").value(), at(0));
  EXPECT_EQ(parse_rfc3339("2026-01-03T18:15:00.123456789Z").value(), at(1767464100123));
  EXPECT_EQ(parse_rfc3339("2026-01-03t18:15:00z").value(), at(1767464100000));
  EXPECT_EQ(parse_rfc3339("2026-01-03T20:15:00+02:00").value(), at(1767464100000));
  EXPECT_EQ(parse_rfc3339("2026-01-03T13:45:00-04:30").value(), at(1767464100000));
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z").value(), at(1483228800000));
  EXPECT_EQ(to_rfc3339(at(1767464100005)), "2026-01-03T18:15:00.005Z");
  EXPECT_EQ(to_rfc3339(parse_rfc3339("9999-12-31T23:59:59.999Z").value()),
            "9999-12-31T23:59:59.999Z");
}

TEST(Time, IsRefusedWhenItIsNoneOrOutOfRange) {
  for (const char* text : {"",
                           "now",
                           "2026-01-03",
                           "2026-01-03T18:15Z",
                           "2026-01-03T18:15:00",
                           "2026-1-3T18:15:00Z",
                           "2026-02-30T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-01-03T24:00:00Z",
                           "2026-01-03T18:60:00Z",
                           "2026-01-03T18:15:61Z",
                           "2026-01-03T18:15:00.Z",
                           "2026-01-03T18:15:00+2:00",
                           "2026-01-03T18:15:00+24:00",
                           "2026-01-03T18:15:00ZZ",
                           "1969-12-31T23:59:59Z",
                           "1970-01-01T00:00:00+01:00",
                           "9999-12-31T23:59:59-01:00",
                           "0000-01-01T00:00:00Z",
                           "2026-01-03 18:15:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace oppen
