// Proves that the gradient is the loss's: every component agrees with the finite difference.
#include "deploy/images/digits-trainer/network.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace oppen::digits_trainer {
namespace {

TEST(Network, GradientAgreesWithFiniteDifferences) {
  std::mt19937_64 random(7);
  Network network(5, 6, 3, random);
  // Biases begin at 0: move everything, so that no unit sits at the bend of its ReLU.
  std::normal_distribution<double> noise(0.0, 0.3);
  for (double& parameter : network.parameters()) parameter += noise(random);

  std::set<std::size_t> seen;  // parameters that mattered
  for (std::size_t round = 0; round < 12; ++round) {
    std::vector<double> input(5);
    for (double& value : input) value = noise(random);
    const std::size_t label = round % 3;
    std::vector<double> gradient(network.parameters().size());
    const double loss = network.add_gradient(input, label, gradient);
    EXPECT_NEAR(loss, network.loss(input, label), 1e-12);

    for (std::size_t i = 0; i < gradient.size(); ++i) {
      constexpr double step = 1e-6;
      double& parameter = network.parameters()[i];
      const double kept = parameter;
      parameter = kept + step;
      const double above = network.loss(input, label);
      parameter = kept - step;
      const double below = network.loss(input, label);
      parameter = kept;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * step), 1e-7) << "parameter " << i;
      if (gradient[i] != 0) seen.insert(i);
    }
  }
  EXPECT_GT(seen.size(), network.parameters().size() / 2);
}

TEST(Network, GradientsAddUp) {
  std::mt19937_64 random(7);
  Network network(2, 3, 2, random);
  const std::vector<double> input = {0.5, -0.5};
  std::vector<double> once(network.parameters().size()), twice(once.size());
  network.add_gradient(input, 0, once);
  network.add_gradient(input, 0, twice);
  network.add_gradient(input, 0, twice);
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_DOUBLE_EQ(twice[i], 2 * once[i]);
}

// The gradient in `Number` beside that in double, of the same parameters; the largest difference.
template <class Number>
double difference_from_double() {
  std::mt19937_64 random(7), same(7);
  Network exact(5, 6, 3, random);
  BasicNetwork<Number> rounded(5, 6, 3, same);
  const std::vector<double> input = {0.5, -0.25, 1, 0.125, -0.7};
  std::vector<double> expected(exact.parameters().size());
  std::vector<typename BasicNetwork<Number>::Sum> gradient(expected.size());
  exact.add_gradient(input, 1, expected);
  rounded.add_gradient(input, 1, gradient);
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    largest = std::max(largest, std::abs(expected[i] - static_cast<double>(gradient[i])));
  return largest;
}

TEST(Network, LowerPrecisionComputesTheSameButForRounding) {
  EXPECT_LT(difference_from_double<float>(), 1e-6);
  const double of_16_bits = difference_from_double<Bfloat16>();
  EXPECT_LT(of_16_bits, 0.02);
  EXPECT_GT(of_16_bits, 1e-5) << "nothing was rounded to 16 bits";
}

TEST(Network, SixteenBitsFollowTheParametersWhenToldTo) {
  std::mt19937_64 random(7);
  BasicNetwork<Bfloat16> network(1, 4, 2, random);
  const std::vector<double> input = {1};
  const float before = network.loss(input, 0);
  // The weights of the first class's scores are behind 4 weights and 4 biases of the hidden layer.
  for (float& weight : network.parameters().subspan(8, 4)) weight += 1;
  EXPECT_EQ(network.loss(input, 0), before);
  network.parameters_changed();
  EXPECT_NE(network.loss(input, 0), before);
}

TEST(Bfloat16, RoundsToTheNearestHalfToEven) {
  const auto rounded = [](float value) { return static_cast<float>(Bfloat16(value)); };
  EXPECT_EQ(rounded(1.0f), 1.0f);
  EXPECT_EQ(rounded(-3.5f), -3.5f);
  EXPECT_EQ(rounded(1.0f + 1.0f / 256), 1.0f);              // half way: to the even one below
  EXPECT_EQ(rounded(1.0f + 3.0f / 256), 1.0f + 1.0f / 64);  // and above
  EXPECT_EQ(rounded(1.0f + 1.1f / 256), 1.0f + 1.0f / 128);
}

TEST(Network, HugeScoresDoNotOverflow) {
  std::mt19937_64 random(7);
  Network network(1, 4, 2, random);
  const std::vector<double> input = {1e6};
  EXPECT_TRUE(std::isfinite(network.loss(input, 0)));
  EXPECT_TRUE(std::isfinite(network.loss(input, 1)));
}

}  // namespace
}  // namespace oppen::digits_trainer
