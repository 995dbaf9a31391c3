// A perceptron with one hidden layer: pixels -> hidden (ReLU) -> classes (softmax), with the
// cross-entropy loss. Owns its parameters and its scratch space, so an instance belongs to one
// thread.
#pragma once

#include <cstddef>
#include <random>
#include <span>
#include <vector>

#include "deploy/images/digits-trainer/bfloat16.hpp"

namespace oppen::digits_trainer {

// What sums of products of `Number` are kept in: sums in 16 bits would lose what is added.
template <class Number>
struct SumOf {
  using type = Number;
};
template <>
struct SumOf<Bfloat16> {
  using type = float;
};

// `Number`, in which weights and activations are computed with, is double, float or Bfloat16.
template <class Number>
class BasicNetwork {
 public:
  using Sum = typename SumOf<Number>::type;

  // He initialisation from `random`: the same generator state gives the same network.
  BasicNetwork(std::size_t inputs, std::size_t hidden, std::size_t classes,
               std::mt19937_64& random);

  // All weights and biases in one row, so that an optimiser need not know the layers.
  std::span<Sum> parameters() { return parameters_; }

  // Has what follows computed with the parameters as they are now. Until then Bfloat16 goes on with
  // its rounded copy of what they were.
  void parameters_changed();

  // The loss of one sample, in nats. `input` has `inputs` values, `label` is below `classes`.
  Sum loss(std::span<const double> input, std::size_t label);

  // The same, and adds the loss's gradient to `gradient`, which is as long as parameters().
  Sum add_gradient(std::span<const double> input, std::size_t label, std::span<Sum> gradient);

  // The likeliest class, by the last loss() or add_gradient().
  std::size_t prediction() const;

 private:
  void forward(std::span<const double> input);
  const Number* weights() const;

  std::size_t inputs_, hidden_, classes_;
  // Where each part begins in parameters_: input weights (a row of `hidden` for each input), hidden
  // biases, output weights (a row of `hidden` for each class), output biases.
  std::size_t hidden_bias_at_, output_at_, output_bias_at_;
  std::vector<Sum> parameters_;
  std::vector<Number> rounded_;  // the parameters; empty where Number and Sum are the same
  std::vector<Sum> hidden_sum_;
  std::vector<Number> activation_;  // of the hidden layer, after ReLU
  std::vector<Sum> probability_;    // of each class
  std::vector<Sum> hidden_delta_;
};

using Network = BasicNetwork<double>;

}  // namespace oppen::digits_trainer
