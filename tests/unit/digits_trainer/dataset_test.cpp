// Proves that the built-in data are whole, that the split is fixed and leaks nothing, and that a
// bad file is named.
#include "deploy/images/digits-trainer/dataset.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

namespace oppen::digits_trainer {
namespace {

using testing::HasSubstr;

std::string line(const std::string& pixel, const std::string& label) {
  std::string text;
  for (std::size_t i = 0; i < pixel_count; ++i) text += pixel + ",";
  return text + label + "\n";
}

TEST(Dataset, BuiltInDigitsAreWhole) {
  std::string error;
  const std::vector<Sample> samples = parse_digits(embedded_digits(), error);
  ASSERT_EQ(error, "");
  ASSERT_EQ(samples.size(), 1797u);
  std::array<int, class_count> count{};
  for (const Sample& sample : samples) {
    ++count[sample.label];
    EXPECT_TRUE(std::all_of(sample.pixels.begin(), sample.pixels.end(),
                            [](double pixel) { return pixel >= 0 && pixel <= 1; }));
  }
  // As the data set's description gives them.
  EXPECT_THAT(count, testing::ElementsAre(178, 182, 177, 183, 181, 182, 181, 179, 174, 180));
}

TEST(Dataset, SplitKeepsEverySampleOnce) {
  std::vector<Sample> samples(10);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i].label = i;
  const Split parts = split(samples);
  ASSERT_EQ(parts.test.size(), 2u);
  EXPECT_EQ(parts.test[0].label, 4u);
  EXPECT_EQ(parts.test[1].label, 9u);
  EXPECT_EQ(parts.train.size(), 8u);
}

TEST(Dataset, PixelsAreScaled) {
  std::string error;
  const std::vector<Sample> samples = parse_digits(line("8", "3"), error);
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(samples[0].pixels[63], 0.5);
  EXPECT_EQ(samples[0].label, 3u);
}

TEST(Dataset, BadLinesAreNamed) {
  const auto error_of = [](const std::string& csv) {
    std::string error;
    EXPECT_TRUE(parse_digits(csv, error).empty());
    return error;
  };
  EXPECT_THAT(error_of(line("8", "3") + line("17", "3")), HasSubstr("line 2: '17' is not"));
  EXPECT_THAT(error_of(line("8", "10")), HasSubstr("'10' is not a whole number of 0 to 9"));
  EXPECT_THAT(error_of(line("8", "x")), HasSubstr("'x'"));
  EXPECT_THAT(error_of(line("8", "3,3")), HasSubstr("more than 65 columns"));
  EXPECT_THAT(error_of("1,2\n"), HasSubstr("line 1: ''"));
}

}  // namespace
}  // namespace oppen::digits_trainer
