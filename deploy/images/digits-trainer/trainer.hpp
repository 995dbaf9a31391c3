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
#include "deploy/images/digits-trainer/serving.hpp"

namespace oppen::digits_trainer {

// The numbers that the network computes with. bf16 is mixed precision as usual on GPUs: weights and
// activations of 16 bits, sums and the optimiser's copy of the weights of 32.
enum class Precision { fp64, fp32, bf16 };

struct Settings {
  std::uint64_t epochs = 10;
  std::uint64_t batch_size = 64;
  double learning_rate = 0.05;
  std::uint64_t hidden = 256;  // units of the hidden layer
  std::uint64_t seed = 1;      // of the first weights and of the order of samples
  std::uint64_t patience = 0;  // epochs without a better test accuracy before it stops; 0: never
  Precision precision = Precision::fp64;
  // Requests that the trained network answers, each an image of the test samples in turn: so many a
  // second, answered as they come; 0: all are there at once.
  std::uint64_t requests = 0;
  std::uint64_t requests_per_second = 0;
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
  Served served;
  double cpu_seconds = 0;     // of the process, up to now
  double memory_peak_mb = 0;  // of the process, resident, in MiB
};

// Runs to the end of the settings' epochs, until the patience is over, or until `stop` (looked at
// after each minibatch); then answers the requests. Calls `on_epoch` after each epoch, from the calling thread.
Outcome train(const Split& data, const Settings& settings, const std::atomic<bool>& stop,
              const std::function<void(const Epoch&)>& on_epoch);

}  // namespace oppen::digits_trainer
