#include "deploy/images/digits-trainer/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>

#include "deploy/images/digits-trainer/network.hpp"

namespace oppen::digits_trainer {
namespace {

constexpr double momentum = 0.9;

double accuracy(Network& network, const std::vector<Sample>& samples) {
  std::size_t right = 0;
  for (const Sample& sample : samples) {
    network.loss(sample.pixels, sample.label);
    if (network.prediction() == sample.label) ++right;
  }
  return static_cast<double>(right) / static_cast<double>(samples.size());
}

// Everything that changes while training.
class Run {
 public:
  Run(const Split& data, const Settings& settings)
      : data_(data),
        settings_(settings),
        random_(settings.seed),
        network_(pixel_count, settings.hidden, class_count, random_),
        gradient_(network_.parameters().size()),
        velocity_(network_.parameters().size()),
        order_(data.train.size()) {
    std::iota(order_.begin(), order_.end(), 0);
  }

  // One pass over the training samples; false when `stop` ended it before its last minibatch.
  bool learn(const std::atomic<bool>& stop) {
    std::shuffle(order_.begin(), order_.end(), random_);
    loss_sum_ = 0;
    learned_ = 0;
    while (learned_ < order_.size()) {
      if (stop) return false;
      step(std::min<std::size_t>(settings_.batch_size, order_.size() - learned_));
    }
    return true;
  }

  std::size_t learned() const { return learned_; }
  double mean_loss() const { return loss_sum_ / static_cast<double>(learned_); }
  double test_accuracy() { return accuracy(network_, data_.test); }

 private:
  void step(std::size_t count) {
    std::fill(gradient_.begin(), gradient_.end(), 0.0);
    for (std::size_t i = 0; i < count; ++i) {
      const Sample& sample = data_.train[order_[learned_ + i]];
      loss_sum_ += network_.add_gradient(sample.pixels, sample.label, gradient_);
    }
    const double rate = settings_.learning_rate / static_cast<double>(count);
    const std::span<double> parameters = network_.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      velocity_[i] = momentum * velocity_[i] - rate * gradient_[i];
      parameters[i] += velocity_[i];
    }
    learned_ += count;
  }

  const Split& data_;
  const Settings& settings_;
  std::mt19937_64 random_;
  Network network_;
  std::vector<double> gradient_, velocity_;
  std::vector<std::size_t> order_;
  double loss_sum_ = 0;
  std::size_t learned_ = 0;  // samples of this epoch
};

}  // namespace

Outcome train(const Split& data, const Settings& settings, const std::atomic<bool>& stop,
              const std::function<void(const Epoch&)>& on_epoch) {
  using Clock = std::chrono::steady_clock;
  Run run(data, settings);
  Outcome outcome;
  double best = -1;
  std::uint64_t epochs_since_best = 0;
  while (outcome.epochs.size() < settings.epochs) {
    const auto began = Clock::now();
    const bool whole = run.learn(stop);
    const double test_accuracy = whole ? run.test_accuracy() : 0;
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    outcome.samples += run.learned();
    outcome.seconds += seconds;
    if (!whole) {
      outcome.end = End::stopped;
      break;
    }
    outcome.epochs.push_back({run.mean_loss(), test_accuracy, seconds});
    on_epoch(outcome.epochs.back());

    epochs_since_best = test_accuracy > best ? 0 : epochs_since_best + 1;
    best = std::max(best, test_accuracy);
    if (settings.patience > 0 && epochs_since_best >= settings.patience) {
      outcome.end = End::early;
      break;
    }
  }
  return outcome;
}

}  // namespace oppen::digits_trainer
