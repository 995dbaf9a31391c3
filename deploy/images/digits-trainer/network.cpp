#include "deploy/images/digits-trainer/network.hpp"

#include <algorithm>
#include <cmath>

namespace oppen::digits_trainer {
namespace {

// to += factor * from: where the time goes.
void add_scaled(double* __restrict to, const double* __restrict from, double factor,
                std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

}  // namespace

Network::Network(std::size_t inputs, std::size_t hidden, std::size_t classes,
                 std::mt19937_64& random)
    : inputs_(inputs),
      hidden_(hidden),
      classes_(classes),
      hidden_bias_at_(inputs * hidden),
      output_at_(hidden_bias_at_ + hidden),
      output_bias_at_(output_at_ + classes * hidden),
      parameters_(output_bias_at_ + classes),
      activation_(hidden),
      probability_(classes),
      hidden_delta_(hidden) {
  const auto draw = [&](std::size_t from, std::size_t to, std::size_t fan_in) {
    std::normal_distribution<double> weight(0.0, std::sqrt(2.0 / static_cast<double>(fan_in)));
    for (std::size_t i = from; i < to; ++i) parameters_[i] = weight(random);
  };
  draw(0, hidden_bias_at_, inputs);
  draw(output_at_, output_bias_at_, hidden);
}

void Network::forward(std::span<const double> input) {
  const double* weights = parameters_.data();
  std::copy_n(weights + hidden_bias_at_, hidden_, activation_.begin());
  for (std::size_t i = 0; i < inputs_; ++i)
    add_scaled(activation_.data(), weights + i * hidden_, input[i], hidden_);
  for (double& value : activation_) value = std::max(value, 0.0);

  for (std::size_t c = 0; c < classes_; ++c) {
    const double* row = weights + output_at_ + c * hidden_;
    double sum = weights[output_bias_at_ + c];
    for (std::size_t h = 0; h < hidden_; ++h) sum += row[h] * activation_[h];
    probability_[c] = sum;
  }
  // Softmax; the largest score is taken off first so that exp cannot overflow.
  const double largest = *std::max_element(probability_.begin(), probability_.end());
  double total = 0;
  for (double& value : probability_) total += value = std::exp(value - largest);
  for (double& value : probability_) value /= total;
}

double Network::loss(std::span<const double> input, std::size_t label) {
  forward(input);
  return -std::log(std::max(probability_[label], 1e-300));
}

double Network::add_gradient(std::span<const double> input, std::size_t label,
                             std::span<double> gradient) {
  const double sample_loss = loss(input, label);
  std::fill(hidden_delta_.begin(), hidden_delta_.end(), 0.0);
  for (std::size_t c = 0; c < classes_; ++c) {
    const double delta = probability_[c] - (c == label ? 1.0 : 0.0);
    const std::size_t row = output_at_ + c * hidden_;
    add_scaled(hidden_delta_.data(), &parameters_[row], delta, hidden_);
    add_scaled(&gradient[row], activation_.data(), delta, hidden_);
    gradient[output_bias_at_ + c] += delta;
  }
  for (std::size_t h = 0; h < hidden_; ++h)
    if (activation_[h] <= 0) hidden_delta_[h] = 0;
  for (std::size_t i = 0; i < inputs_; ++i)
    add_scaled(&gradient[i * hidden_], hidden_delta_.data(), input[i], hidden_);
  add_scaled(&gradient[hidden_bias_at_], hidden_delta_.data(), 1.0, hidden_);
  return sample_loss;
}

std::size_t Network::prediction() const {
  return static_cast<std::size_t>(std::max_element(probability_.begin(), probability_.end()) -
                                  probability_.begin());
}

}  // namespace oppen::digits_trainer
