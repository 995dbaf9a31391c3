#include "producers/challenge/queueing.hpp"

#include <cmath>

namespace oppen::challenge {
namespace {

constexpr int most_states =
    2'000;  // of a queue; beyond them there is nothing at the loads that are planned for
constexpr double settled = 1e-12;  // changes of a probability that don't matter
constexpr int most_rounds = 20'000;
constexpr int steps = 400;  // of the integral over the making of a batch
constexpr int halvings = 50;

std::vector<double> poisson(double mean, std::size_t size) {
  std::vector<double> part(size);
  double next = std::exp(-mean);
  for (std::size_t i = 0; i < size; ++i) {
    part[i] = next;
    next *= mean / static_cast<double>(i + 1);
  }
  return part;
}

// How many are in M/D/c: whoever is served now is gone after a service time, and those who came meanwhile are there instead.
std::vector<double> states(double load, std::size_t servers) {
  // So many that what is beyond is of no weight: the tail falls at least by the load of a server with each.
  const double of_server = load / static_cast<double>(servers);
  const auto tail = static_cast<std::size_t>(std::log(settled) / std::log(of_server));
  const std::size_t size = std::min<std::size_t>(most_states, servers + tail + 50);
  const auto come = poisson(load, size);
  std::vector<double> now(size, 0);
  now[0] = 1;
  for (int round = 0; round < most_rounds; ++round) {
    double none_wait = 0;
    for (std::size_t i = 0; i <= servers; ++i) none_wait += now[i];
    std::vector<double> next(size);
    for (std::size_t j = 0; j < size; ++j) {
      next[j] = none_wait * come[j];
      for (std::size_t i = servers + 1; i < size && i <= servers + j; ++i)
        next[j] += now[i] * come[j + servers - i];
    }
    double change = 0;
    for (std::size_t j = 0; j < size; ++j) change = std::max(change, std::abs(next[j] - now[j]));
    now = std::move(next);
    if (change < settled) break;
  }
  return now;
}

// P(the making of the batch + the wait for those before it <= t), over the places in the batch.
double waited(const DeterministicQueue& queue, double t, double rate, int batch_size) {
  if (t < 0) return 0;
  double sum = queue.wait_probability(t);  // of the last of a batch
  const double step = t / steps;
  for (int i = 0; i < steps && batch_size > 1; ++i) {
    const double u = (i + 0.5) * step;
    const double in_time = queue.wait_probability(t - u) * step;
    // The density of an Erlang distribution of k + 1 stages is that of k times rate x u / k.
    double density = rate * std::exp(-rate * u);
    for (int k = 1; k < batch_size; ++k) {
      sum += density * in_time;
      density *= rate * u / k;
    }
  }
  return sum / batch_size;
}

}  // namespace

DeterministicQueue::DeterministicQueue(double rate, int servers, double service_seconds)
    : rate_(rate), servers_(servers), service_(service_seconds) {
  const auto parts = states(rate * service_seconds, static_cast<std::size_t>(servers));
  double sum = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    sum += parts[i];
    if (i >= static_cast<std::size_t>(servers)) at_most_.push_back(sum);
  }
}

double DeterministicQueue::wait_probability(double t) const {
  if (t < 0) return 0;
  const auto k = static_cast<std::size_t>(t / service_) + 1;
  const std::size_t terms = k * static_cast<std::size_t>(servers_);
  if (terms > at_most_.size()) return 1;
  const double x = rate_ * (static_cast<double>(k) * service_ - t);
  double sum = 0;
  double part = std::exp(-x);
  for (std::size_t j = 0; j < terms; ++j) {
    sum += at_most_[terms - 1 - j] * part;
    part *= x / static_cast<double>(j + 1);
  }
  return std::min(sum, 1.0);
}

std::optional<Latency> latency(double rate, int batch_size, double service_seconds) {
  if (rate * service_seconds >= batch_size) return std::nullopt;
  const DeterministicQueue queue(rate, batch_size, service_seconds);
  const auto quantile = [&](double part) {
    double low = 0;
    double high = service_seconds;
    while (waited(queue, high, rate, batch_size) < part) high *= 2;
    for (int i = 0; i < halvings; ++i) {
      const double middle = (low + high) / 2;
      (waited(queue, middle, rate, batch_size) < part ? low : high) = middle;
    }
    return high;
  };
  return Latency{quantile(0.5) + service_seconds, quantile(0.99) + service_seconds};
}

}  // namespace oppen::challenge
