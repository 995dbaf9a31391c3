// Proves that the challenge is told with its figures, at any width.
#include "producers/cli/challenge_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace oppen::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string told(const challenge::Workload& workload, int width) {
  return challenge_text(challenge::run(workload, {}), workload, "Default prices.", width);
}

TEST(ChallengeText, TellsStepsAndSum) {
  const auto text = told({}, 0);
  EXPECT_THAT(text,
              AllOf(HasSubstr("baseline"), HasSubstr("$4.08"), HasSubstr("A100 INT8 b8 shared"),
                    HasSubstr("Not kept: V100, as it saves nothing."),
                    HasSubstr("In all $0.3300 an hour instead of $4.08: $90.00 a day less"),
                    HasSubstr("accuracy -0.54 points"), HasSubstr("Default prices.")));
}

TEST(ChallengeText, KeepsToTheWidth) {
  for (const int width : {60, 80, 120}) {
    std::istringstream lines(told({}, width));
    std::string line;
    while (std::getline(lines, line))
      EXPECT_LE(line.size(), static_cast<std::size_t>(width)) << line;
  }
}

TEST(ChallengeText, MarksWhatWasMeasured) {
  challenge::Workload workload;
  workload.measured = {{"T4", challenge::Precision::fp16, 8, 0.004, {}}};
  EXPECT_THAT(told(workload, 0), HasSubstr("FP16*"));
  EXPECT_THAT(told(workload, 0), ::testing::Not(HasSubstr("not used")));
  workload.measured[0].batch_size = 16;
  EXPECT_THAT(told(workload, 0), HasSubstr("Measured and not used: T4 FP16 b16"));
}

TEST(PublishedText, TellsHowFarTheModelIsOff) {
  EXPECT_THAT(published_text(0),
              AllOf(HasSubstr("MLPerf Inference v0.7"), HasSubstr("on average")));
}

}  // namespace
}  // namespace oppen::cli
