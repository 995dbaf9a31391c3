// Proves that the ConfigMap `cost-model` is read exactly, that its defaults are the contract's, and
// that every fault is found at once and named with its key, its value and what was expected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "workers/cost/pricing/config_map.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::pricing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using Map = std::map<std::string, std::string>;

// The only fault of a map with this one key.
FieldError fault_of(const std::string& key, const std::string& value) {
  const auto model = parse_cost_model({{key, value}});
  EXPECT_FALSE(model) << key << " = " << value;
  if (model || model.error().size() != 1) return {};
  return model.error().front();
}

TEST(Millionths, AreExactForEveryDecimalOfSixPlaces) {
  EXPECT_EQ(parse_millionths("0.25"), 250'000);
  EXPECT_EQ(parse_millionths("0.1"), 100'000);
  EXPECT_EQ(parse_millionths("0"), 0);
  EXPECT_EQ(parse_millionths("007.5"), 7'500'000);
  EXPECT_EQ(parse_millionths("1000000"), 1'000'000'000'000);
  for (std::int64_t value = 0; value < 1'000'000; value += 37) {
    const std::string digits = std::to_string(1'000'000 + value).substr(1);
    EXPECT_EQ(parse_millionths("3." + digits), 3'000'000 + value);
  }
}

TEST(Millionths, RefusesWhatIsNotAPlainDecimal) {
  for (const char* text :
       {"", ".", "1.", ".5", "-0.1", "+1", "1e3", "0x1", "0.1234567", "0,25", "1 2", "nan", "inf",
        "$1", "1000000.000001", "1000001", "99999999999999999999"}) {
    EXPECT_EQ(parse_millionths(text), std::nullopt) << text;
  }
}

TEST(CostModel, OfAnEmptyConfigMapIsTheDefault) {
  const auto model = parse_cost_model({});
  ASSERT_TRUE(model);
  EXPECT_EQ(model->gpu_hourly, 250'000);
  EXPECT_EQ(model->cpu_only_hourly, 100'000);
  EXPECT_EQ(model->off_peak_start_minute, 22 * 60);
  EXPECT_EQ(model->off_peak_end_minute, 6 * 60);
  EXPECT_EQ(model->time_zone, "UTC");
}

TEST(CostModel, ReadsAllElevenKeys) {
  const auto model =
      parse_cost_model({{"gpu_hourly_usd", "0.3"},
                        {"gpu_type_hourly_usd", R"({"A100":0.35,"H100":2,"L4":0.000001})"},
                        {"cpu_only_hourly_usd", "0.2"},
                        {"cpu_core_hourly_usd", "0.06"},
                        {"memory_gb_hourly_usd", " 0.011\n"},
                        {"off_peak_window", "23:30-05:15 Europe/Berlin"},
                        {"off_peak_multiplier", "0.45"},
                        {"urgent_multiplier", "1.6"},
                        {"background_multiplier", "0.7"},
                        {"spot_multiplier", "0.333333"},
                        {"spot_interruption_rate", "0.1"}});
  ASSERT_TRUE(model) << sentences(model.error());
  EXPECT_EQ(model->gpu_hourly, 300'000);
  EXPECT_THAT(model->gpu_type_hourly,
              ElementsAre(Pair("A100", 350'000), Pair("H100", 2'000'000), Pair("L4", 1)));
  EXPECT_EQ(model->cpu_only_hourly, 200'000);
  EXPECT_EQ(model->cpu_core_hourly, 60'000);
  EXPECT_EQ(model->memory_gib_hourly, 11'000);
  EXPECT_EQ(model->off_peak_start_minute, 23 * 60 + 30);
  EXPECT_EQ(model->off_peak_end_minute, 5 * 60 + 15);
  EXPECT_EQ(model->time_zone, "Europe/Berlin");
  EXPECT_EQ(model->off_peak_multiplier, 450'000);
  EXPECT_EQ(model->urgent_multiplier, 1'600'000);
  EXPECT_EQ(model->background_multiplier, 700'000);
  EXPECT_EQ(model->spot_multiplier, 333'333);
  EXPECT_EQ(model->spot_interruption_rate, 100'000);
}

TEST(CostModel, ReadsEveryTwoDigitRateOfJsonExactly) {
  for (int cents = 0; cents < 1'000; ++cents) {
    const std::string text =
        std::to_string(cents / 100) + "." + std::to_string(100 + cents % 100).substr(1);
    const auto model = parse_cost_model({{"gpu_type_hourly_usd", R"({"X":)" + text + "}"}});
    ASSERT_TRUE(model) << text;
    EXPECT_EQ(model->gpu_type_hourly.at("X"), cents * 10'000) << text;
  }
}

TEST(CostModel, NamesKeyValueAndExpectation) {
  const FieldError error = fault_of("gpu_hourly_usd", "a quarter");
  EXPECT_EQ(error.sentence(),
            "gpu_hourly_usd is \"a quarter\": expected a number from 0 to 1000000 with at most 6 "
            "decimals, such as 0.25");
}

TEST(CostModel, RefusesBadNumbers) {
  for (const char* value : {"", "-0.1", "1e-3", "0.1234567", "1000000.1"}) {
    EXPECT_EQ(fault_of("memory_gb_hourly_usd", value).path, "memory_gb_hourly_usd");
  }
  EXPECT_EQ(fault_of("urgent_multiplier", "1001").path, "urgent_multiplier");
  EXPECT_EQ(fault_of("spot_interruption_rate", "1.01").path, "spot_interruption_rate");
}

TEST(CostModel, RefusesBadGpuTypes) {
  EXPECT_EQ(fault_of("gpu_type_hourly_usd", R"({"A100":-1})").path, "gpu_type_hourly_usd.A100");
  EXPECT_EQ(fault_of("gpu_type_hourly_usd", R"({"A100":"0.35"})").value, "\"0.35\"");
  EXPECT_EQ(fault_of("gpu_type_hourly_usd", R"({"T4":0.00000012})").path, "gpu_type_hourly_usd.T4");
  EXPECT_EQ(fault_of("gpu_type_hourly_usd", R"({"A100":0.35)").path, "gpu_type_hourly_usd");
  EXPECT_EQ(fault_of("gpu_type_hourly_usd", "[0.35]").value, "\"[0.35]\"");
}

TEST(CostModel, ReadsWindows) {
  EXPECT_EQ(parse_cost_model({{"off_peak_window", "00:00-24:00 UTC"}})->off_peak_end_minute, 1'440);
  EXPECT_EQ(parse_cost_model({{"off_peak_window", "09:00-09:00 Asia/Tokyo"}})->time_zone,
            "Asia/Tokyo");
  EXPECT_EQ(parse_cost_model({{"off_peak_window", "20:00-07:00 America/Argentina/Buenos_Aires"}})
                ->off_peak_start_minute,
            1'200);
}

TEST(CostModel, RefusesBadWindows) {
  for (const char* window : {"", "22:00-06:00", "22:00-06:00 ", "22-06 UTC", "2:00-06:00 UTC",
                             "24:00-06:00 UTC", "22:60-06:00 UTC", "22:00-24:01 UTC",
                             "22:00 - 06:00 UTC", "22:00-06:00UTC", "aa:00-06:00 UTC"}) {
    EXPECT_EQ(fault_of("off_peak_window", window).path, "off_peak_window") << window;
  }
}

TEST(CostModel, NamesAnUnknownZone) {
  const FieldError error = fault_of("off_peak_window", "22:00-06:00 Europe/Berlyn");
  EXPECT_THAT(error.expected, HasSubstr("Europe/Berlyn"));
  EXPECT_EQ(error.value, "\"22:00-06:00 Europe/Berlyn\"");
  EXPECT_THAT(fault_of("off_peak_window", "22:00-06:00 ../../etc/passwd").expected,
              HasSubstr("../../etc/passwd"));
}

TEST(CostModel, RefusesUnknownKeys) {
  const FieldError error = fault_of("gpu_hourly", "0.25");
  EXPECT_EQ(error.path, "gpu_hourly");
  EXPECT_THAT(error.expected, HasSubstr("gpu_hourly_usd"));
}

TEST(CostModel, FindsEveryFaultAtOnce) {
  const auto model =
      parse_cost_model(Map{{"gpu_hourly_usd", "x"}, {"off_peak_window", "y"}, {"typo", "z"}});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().size(), 3U);
}

TEST(CostModel, KnowsItsKeys) {
  for (const char* key : {"gpu_hourly_usd", "gpu_type_hourly_usd", "off_peak_window"})
    EXPECT_TRUE(is_cost_model_key(key)) << key;
  for (const char* key : {"", "gpu_hourly", "queue_paused"})
    EXPECT_FALSE(is_cost_model_key(key)) << key;
}

}  // namespace
}  // namespace oppen::pricing
