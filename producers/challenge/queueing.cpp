#include "producers/challenge/queueing.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace oppen::challenge {
namespace {

// Beyond so many service times the terms of the sum, which take each other away, are too large for a double; below the loads that
// are planned for, nothing waits so long.
constexpr double most_services = 30;
constexpr int steps = 400;  // of the integral
constexpr int halvings = 50;

// P(the formation of the batch + the wait for those before it <= t), over the places in the batch.
double wait_probability(double t, double rate, int batch_size, double service_seconds) {
  if (t < 0) return 0;
  const double batches = rate / batch_size;
  double sum = md1_wait_probability(t, batches, service_seconds);  // of the last of a batch
  if (batch_size == 1) return sum;
  // The density of an Erlang distribution of k stages is that of k - 1 times rate x u / (k - 1).
  const double step = t / steps;
  for (int i = 0; i < steps; ++i) {
    const double u = (i + 0.5) * step;
    const double waited = md1_wait_probability(t - u, batches, service_seconds);
    double density = rate * std::exp(-rate * u);
    for (int k = 1; k < batch_size; ++k) {
      sum += density * waited * step;
      density *= rate * u / k;
    }
  }
  return sum / batch_size;
}

double quantile(double part, double rate, int batch_size, double service_seconds) {
  double low = 0;
  double high = service_seconds;
  while (wait_probability(high, rate, batch_size, service_seconds) < part) high *= 2;
  for (int i = 0; i < halvings; ++i) {
    const double middle = (low + high) / 2;
    (wait_probability(middle, rate, batch_size, service_seconds) < part ? low : high) = middle;
  }
  return high;
}

}  // namespace

double md1_wait_probability(double t, double rate, double service_seconds) {
  if (t < 0) return 0;
  if (t > most_services * service_seconds) return 1;
  const double load = rate * service_seconds;
  double sum = 0;
  for (int k = 0; k * service_seconds <= t; ++k) {
    const double x = rate * (t - k * service_seconds);
    double term = std::exp(x);
    for (int i = 1; i <= k; ++i) term *= -x / i;
    sum += term;
  }
  return std::clamp((1 - load) * sum, 0.0, 1.0);
}

std::optional<Latency> latency(double rate, int batch_size, double service_seconds) {
  if (rate * service_seconds >= batch_size) return std::nullopt;
  return Latency{quantile(0.5, rate, batch_size, service_seconds) + service_seconds,
                 quantile(0.99, rate, batch_size, service_seconds) + service_seconds};
}

}  // namespace oppen::challenge
