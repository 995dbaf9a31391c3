// A perceptron with one hidden layer: pixels -> hidden (ReLU) -> classes (softmax), with the
// cross-entropy loss. Owns its parameters and its scratch space, so an instance belongs to one
// thread.
#pragma once

#include <cstddef>
#include <random>
#include <span>
#include <vector>

namespace oppen::digits_trainer {

class Network {
 public:
  // He initialisation from `random`: the same generator state gives the same network.
  Network(std::size_t inputs, std::size_t hidden, std::size_t classes, std::mt19937_64& random);

  // All weights and biases in one row, so that an optimiser need not know the layers.
  std::span<double> parameters() { return parameters_; }

  // The loss of one sample, in nats. `input` has `inputs` values, `label` is below `classes`.
  double loss(std::span<const double> input, std::size_t label);

  // The same, and adds the loss's gradient to `gradient`, which is as long as parameters().
  double add_gradient(std::span<const double> input, std::size_t label, std::span<double> gradient);

  // The likeliest class, by the last loss() or add_gradient().
  std::size_t prediction() const;

 private:
  void forward(std::span<const double> input);

  std::size_t inputs_, hidden_, classes_;
  // Where each part begins in parameters_: input weights (a row of `hidden` for each input), hidden
  // biases, output weights (a row of `hidden` for each class), output biases.
  std::size_t hidden_bias_at_, output_at_, output_bias_at_;
  std::vector<double> parameters_;
  std::vector<double> activation_;   // of the hidden layer, after ReLU
  std::vector<double> probability_;  // of each class
  std::vector<double> hidden_delta_;
};

}  // namespace oppen::digits_trainer
