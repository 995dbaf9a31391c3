// Trains the network by minibatch gradient descent with momentum. The settings and the data
// determine every number but the seconds.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "deploy/images/digits-trainer/dataset.hpp"

namespace oppen::digits_trainer {

struct Settings {
  std::uint64_t epochs = 10;
  std::uint64_t batch_size = 64;
  double learning_rate = 0.05;
  std::uint64_t hidden = 256;  // units of the hidden layer
  std::uint64_t seed = 1;      // of the first weights and of the order of samples
  std::uint64_t patience = 0;  // epochs without a better test accuracy before it stops; 0: never
};

struct Epoch {
  double loss;      // mean over the training samples, in nats
  double accuracy;  // share of the test samples named rightly, 0 to 1
  double seconds;
};

enum class End { finished, early, stopped };

struct Outcome {
  End end = End::finished;
  std::vector<Epoch> epochs;  // the completed ones
  std::uint64_t samples = 0;  // learned from, in all epochs
  double seconds = 0;         // in all epochs
};

// Runs to the end of the settings' epochs, until the patience is over, or until `stop` (looked at
// after each minibatch). Calls `on_epoch` after each epoch, from the calling thread.
Outcome train(const Split& data, const Settings& settings, const std::atomic<bool>& stop,
              const std::function<void(const Epoch&)>& on_epoch);

}  // namespace oppen::digits_trainer
