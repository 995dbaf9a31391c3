// Proves how measured runs are read, and that every fault is named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producers/challenge/challenge.hpp"

namespace oppen::challenge {
namespace {

using ::testing::HasSubstr;

TEST(ParseMeasured, ReadsTimesAndRates) {
  const auto runs = parse_measured(R"([
    {"gpu_type":"T4","precision":"FP16","batch_size":8,"batch_ms":4},
    {"gpu_type":"A100","precision":"INT8","batch_size":8,"inferences_per_second":4000,"accuracy_percent":75.5}])");
  ASSERT_TRUE(runs);
  EXPECT_DOUBLE_EQ(runs->at(0).batch_seconds, 0.004);
  EXPECT_FALSE(runs->at(0).accuracy_percent);
  EXPECT_EQ(runs->at(1).precision, Precision::int8);
  EXPECT_DOUBLE_EQ(runs->at(1).batch_seconds, 0.002);
  EXPECT_EQ(runs->at(1).accuracy_percent, 75.5);
}

TEST(ParseMeasured, NamesEveryFault) {
  const auto runs = parse_measured(
      R"([{"gpu_type":"K80","precision":"fp8","batch_size":1.5,"batch_ms":0},7,
          {"gpu_type":"T4","precision":"FP32","batch_size":1,"accuracy_percent":101}])");
  ASSERT_FALSE(runs);
  const auto said = sentences(runs.error());
  for (const auto* part :
       {"[0].gpu_type is \"K80\"", "[0].precision", "[0].batch_size is 1.5", "[0].batch_ms is 0",
        "[1] is 7", "[2].inferences_per_second is absent", "[2].accuracy_percent is 101"})
    EXPECT_THAT(said, HasSubstr(part));
}

TEST(ParseMeasured, ABatchTakesAMicrosecondToAnHour) {
  for (const char* const time :
       {R"("batch_ms":0.0009)", R"("batch_ms":3600001)", R"("inferences_per_second":1e-12)",
        R"("inferences_per_second":1e9)"}) {
    const auto runs = parse_measured(
        std::string(R"([{"gpu_type":"T4","precision":"FP32","batch_size":1,)") + time + "}]");
    ASSERT_FALSE(runs) << time;
    ASSERT_EQ(runs.error().size(), 1u) << time;
    EXPECT_THAT(runs.error()[0].path, ::testing::StartsWith("[0].")) << time;
  }
}

TEST(ParseMeasured, RefusesWhatIsNoList) {
  for (const auto* text : {"", "{", "{}", "3"}) EXPECT_FALSE(parse_measured(text)) << text;
  EXPECT_TRUE(parse_measured("[]"));
}

}  // namespace
}  // namespace oppen::challenge
