// Proves that the gradient is the loss's: every component agrees with the finite difference.
#include "deploy/images/digits-trainer/network.hpp"

#include <gtest/gtest.h>

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

TEST(Network, HugeScoresDoNotOverflow) {
  std::mt19937_64 random(7);
  Network network(1, 4, 2, random);
  const std::vector<double> input = {1e6};
  EXPECT_TRUE(std::isfinite(network.loss(input, 0)));
  EXPECT_TRUE(std::isfinite(network.loss(input, 1)));
}

}  // namespace
}  // namespace oppen::digits_trainer
