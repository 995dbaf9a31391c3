#include "deploy/images/digits-trainer/network.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace oppen::digits_trainer {
namespace {

// to += factor * from: where the time goes.
template <class Number, class Sum>
void add_scaled(Sum* __restrict to, const Number* __restrict from, Sum factor, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] += factor * static_cast<Sum>(from[i]);
}

}  // namespace

template <class Number>
BasicNetwork<Number>::BasicNetwork(std::size_t inputs, std::size_t hidden, std::size_t classes,
                                   std::mt19937_64& random)
    : inputs_(inputs),
      hidden_(hidden),
      classes_(classes),
      hidden_bias_at_(inputs * hidden),
      output_at_(hidden_bias_at_ + hidden),
      output_bias_at_(output_at_ + classes * hidden),
      parameters_(output_bias_at_ + classes),
      hidden_sum_(hidden),
      activation_(hidden),
      probability_(classes),
      hidden_delta_(hidden) {
  const auto draw = [&](std::size_t from, std::size_t to, std::size_t fan_in) {
    std::normal_distribution<double> weight(0.0, std::sqrt(2.0 / static_cast<double>(fan_in)));
    for (std::size_t i = from; i < to; ++i) parameters_[i] = static_cast<Sum>(weight(random));
  };
  draw(0, hidden_bias_at_, inputs);
  draw(output_at_, output_bias_at_, hidden);
  parameters_changed();
}

template <class Number>
void BasicNetwork<Number>::parameters_changed() {
  if constexpr (!std::is_same_v<Number, Sum>) {
    rounded_.resize(parameters_.size());
    for (std::size_t i = 0; i < parameters_.size(); ++i) rounded_[i] = Number(parameters_[i]);
  }
}

template <class Number>
const Number* BasicNetwork<Number>::weights() const {
  if constexpr (std::is_same_v<Number, Sum>)
    return parameters_.data();
  else
    return rounded_.data();
}

template <class Number>
void BasicNetwork<Number>::forward(std::span<const double> input) {
  const Number* weight = weights();
  for (std::size_t h = 0; h < hidden_; ++h) hidden_sum_[h] = parameters_[hidden_bias_at_ + h];
  for (std::size_t i = 0; i < inputs_; ++i)
    add_scaled(hidden_sum_.data(), weight + i * hidden_, static_cast<Sum>(input[i]), hidden_);
  for (std::size_t h = 0; h < hidden_; ++h)
    activation_[h] = Number(std::max(hidden_sum_[h], Sum(0)));

  for (std::size_t c = 0; c < classes_; ++c) {
    const Number* row = weight + output_at_ + c * hidden_;
    Sum sum = parameters_[output_bias_at_ + c];
    for (std::size_t h = 0; h < hidden_; ++h)
      sum += static_cast<Sum>(row[h]) * static_cast<Sum>(activation_[h]);
    probability_[c] = sum;
  }
  // Softmax; the largest score is taken off first so that exp cannot overflow.
  const Sum largest = *std::max_element(probability_.begin(), probability_.end());
  Sum total = 0;
  for (Sum& value : probability_) total += value = std::exp(value - largest);
  for (Sum& value : probability_) value /= total;
}

template <class Number>
auto BasicNetwork<Number>::loss(std::span<const double> input, std::size_t label) -> Sum {
  forward(input);
  return -std::log(std::max(probability_[label], std::numeric_limits<Sum>::min()));
}

template <class Number>
auto BasicNetwork<Number>::add_gradient(std::span<const double> input, std::size_t label,
                                        std::span<Sum> gradient) -> Sum {
  const Sum sample_loss = loss(input, label);
  const Number* weight = weights();
  std::fill(hidden_delta_.begin(), hidden_delta_.end(), Sum(0));
  for (std::size_t c = 0; c < classes_; ++c) {
    const Sum delta = probability_[c] - (c == label ? Sum(1) : Sum(0));
    const std::size_t row = output_at_ + c * hidden_;
    add_scaled(hidden_delta_.data(), weight + row, delta, hidden_);
    add_scaled(&gradient[row], activation_.data(), delta, hidden_);
    gradient[output_bias_at_ + c] += delta;
  }
  for (std::size_t h = 0; h < hidden_; ++h)
    if (hidden_sum_[h] <= 0) hidden_delta_[h] = 0;
  for (std::size_t i = 0; i < inputs_; ++i)
    add_scaled(&gradient[i * hidden_], hidden_delta_.data(), static_cast<Sum>(input[i]), hidden_);
  add_scaled(&gradient[hidden_bias_at_], hidden_delta_.data(), Sum(1), hidden_);
  return sample_loss;
}

template <class Number>
std::size_t BasicNetwork<Number>::prediction() const {
  return static_cast<std::size_t>(std::max_element(probability_.begin(), probability_.end()) -
                                  probability_.begin());
}

template class BasicNetwork<double>;
template class BasicNetwork<float>;
template class BasicNetwork<Bfloat16>;

}  // namespace oppen::digits_trainer
