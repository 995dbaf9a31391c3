// Proves that every request is answered in turn, none before it comes, and that a stop ends it.
#include "deploy/images/digits-trainer/serving.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace oppen::digits_trainer {
namespace {

const std::vector<Sample> samples = {{{}, 0}, {{}, 1}, {{}, 2}};

TEST(Serving, AnswersTheSamplesInTurn) {
  const std::atomic<bool> never = false;
  std::vector<std::size_t> asked;
  const Served served = serve(samples, 7, 0, never, [&](const Sample& request) {
    asked.push_back(request.label);
    return std::size_t{1};
  });
  EXPECT_EQ(asked, (std::vector<std::size_t>{0, 1, 2, 0, 1, 2, 0}));
  EXPECT_EQ(served.right, 2u);
  EXPECT_EQ(served.latencies.size(), 7u);
  EXPECT_TRUE(std::is_sorted(served.latencies.begin(), served.latencies.end()));
}

TEST(Serving, WaitsForEachRequest) {
  const std::atomic<bool> never = false;
  const Served served =
      serve(samples, 11, 100, never, [](const Sample&) { return std::size_t{0}; });
  EXPECT_GE(served.seconds, 0.1);  // the eleventh comes then
  EXPECT_GE(served.latencies.front(), 0);
}

TEST(Serving, AStopEndsIt) {
  std::atomic<bool> stop = false;
  const Served served = serve(samples, 1'000'000, 0, stop, [&](const Sample&) {
    stop = true;
    return std::size_t{0};
  });
  EXPECT_EQ(served.latencies.size(), 1u);
}

}  // namespace
}  // namespace oppen::digits_trainer
