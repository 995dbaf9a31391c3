// Proves the model of a batch's time by arithmetic written out, and how far it is off what is published.
#include "producers/challenge/service_time.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "producers/challenge/published.hpp"

namespace oppen::challenge {
namespace {

double milliseconds_of(const char* gpu, Precision precision, int batch_size) {
  return 1e3 * batch_seconds(resnet50(), *gpu_of(gpu), precision, batch_size, engine());
}

TEST(BatchSeconds, WhereTheArithmeticBounds) {
  // 8.2e9 / (8.1e12 x 0.53) = 1.91008 ms; memory: (22.2 + 25.6)e6 x 4 / (320e9 x 0.45) = 1.32778 ms; 0.45 ms to launch.
  EXPECT_NEAR(milliseconds_of("T4", Precision::fp32, 1), 0.45 + 1.91008, 1e-4);
}

TEST(BatchSeconds, WhereTheMemoryBounds) {
  // (8 x 22.2 + 25.6)e6 x 1 / (320e9 x 0.45) = 1.41111 ms; 8 x 8.2e9 / (130e12 x 0.53) = 0.95210 ms.
  EXPECT_NEAR(milliseconds_of("T4", Precision::int8, 8), 0.45 + 1.41111, 1e-4);
  // (8 x 22.2 + 25.6)e6 x 2 / (1555e9 x 0.45) = 0.58078 ms
  EXPECT_NEAR(milliseconds_of("A100", Precision::fp16, 8), 0.45 + 0.58078, 1e-4);
}

TEST(Published, IsMetByTheModelWithinAThird) {
  double sum = 0;
  for (const auto& result : published()) {
    EXPECT_LT(std::abs(error_percent(result)), 34)
        << result.gpu_type << " " << to_string(result.precision) << " " << result.batch_size;
    sum += std::abs(error_percent(result));
  }
  EXPECT_LT(sum / static_cast<double>(published().size()), 18);
}

TEST(Published, HasTheOrderOfTheModel) {
  // What decides between steps is which is faster, and there the two agree wherever the published differ by a half.
  for (const auto& one : published()) {
    for (const auto& other : published()) {
      if (one.batch_size != other.batch_size || one.runtime != other.runtime) continue;
      if (one.batch_ms * 1.5 < other.batch_ms) {
        EXPECT_LT(model_ms(one), model_ms(other))
            << one.gpu_type << " and " << other.gpu_type << ", batches of " << one.batch_size;
      }
    }
  }
}

}  // namespace
}  // namespace oppen::challenge
