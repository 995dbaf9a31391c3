#include "deploy/images/digits-trainer/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>

#include "deploy/images/digits-trainer/network.hpp"

namespace oppen::digits_trainer {
namespace {

constexpr double momentum = 0.9;

template <class Number>
double accuracy(BasicNetwork<Number>& network, const std::vector<Sample>& samples) {
  std::size_t right = 0;
  for (const Sample& sample : samples) {
    network.loss(sample.pixels, sample.label);
    if (network.prediction() == sample.label) ++right;
  }
  return static_cast<double>(right) / static_cast<double>(samples.size());
}

// Everything that changes while training.
template <class Number>
class Run {
 public:
  using Sum = typename BasicNetwork<Number>::Sum;

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

  std::size_t answer(const Sample& request) {
    network_.loss(request.pixels, request.label);
    return network_.prediction();
  }

 private:
  void step(std::size_t count) {
    std::fill(gradient_.begin(), gradient_.end(), Sum(0));
    for (std::size_t i = 0; i < count; ++i) {
      const Sample& sample = data_.train[order_[learned_ + i]];
      loss_sum_ += network_.add_gradient(sample.pixels, sample.label, gradient_);
    }
    const Sum rate = static_cast<Sum>(settings_.learning_rate / static_cast<double>(count));
    const std::span<Sum> parameters = network_.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      velocity_[i] = static_cast<Sum>(momentum) * velocity_[i] - rate * gradient_[i];
      parameters[i] += velocity_[i];
    }
    network_.parameters_changed();
    learned_ += count;
  }

  const Split& data_;
  const Settings& settings_;
  std::mt19937_64 random_;
  BasicNetwork<Number> network_;
  std::vector<Sum> gradient_, velocity_;
  std::vector<std::size_t> order_;
  double loss_sum_ = 0;
  std::size_t learned_ = 0;  // samples of this epoch
};

template <class Number>
Outcome train_in(const Split& data, const Settings& settings, const std::atomic<bool>& stop,
                 const std::function<void(const Epoch&)>& on_epoch) {
  using Clock = std::chrono::steady_clock;
  Run<Number> run(data, settings);
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
  if (outcome.end != End::stopped && settings.requests > 0) {
    outcome.served = serve(data.test, settings.requests, settings.requests_per_second, stop,
                           [&](const Sample& request) { return run.answer(request); });
    if (stop) outcome.end = End::stopped;
  }
  return outcome;
}

}  // namespace

Outcome train(const Split& data, const Settings& settings, const std::atomic<bool>& stop,
              const std::function<void(const Epoch&)>& on_epoch) {
  switch (settings.precision) {
    case Precision::fp32:
      return train_in<float>(data, settings, stop, on_epoch);
    case Precision::bf16:
      return train_in<Bfloat16>(data, settings, stop, on_epoch);
    case Precision::fp64:
      break;
  }
  return train_in<double>(data, settings, stop, on_epoch);
}

}  // namespace oppen::digits_trainer
