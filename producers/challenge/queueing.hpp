#pragma once
// How long a request takes that waits for its batch to be full, for the batches before it, and for its own. Pure, any thread.
//
// Requests come by chance at `rate` (Poisson). The j-th of a batch of b waits for b - j more of them (Erlang distributed). Batches are
// taken to come by chance, too, so that one waits for those before it as in M/D/1. They come more evenly than that, so it waits less:
// what is said here is at most too much. The waiting time W of M/D/1 with arrivals at rate l and service time D, load r = l x D:
//
//   P(W <= t) = (1 - r) x sum for k = 0 .. floor(t / D) of (-l (t - kD))^k / k! x e^(l (t - kD))
//
// (A. K. Erlang, "The theory of probabilities and telephone conversations", 1909; as in H. C. Tijms, "A First Course in Stochastic
// Models", 2003, on the M/D/1 queue.)
#include <optional>

namespace oppen::challenge {

// 0 for a negative t. `load` below 1.
double md1_wait_probability(double t, double rate, double service_seconds);

struct Latency {
  double p50_seconds = 0;
  double p99_seconds = 0;
};

// nullopt: more comes than is served, and the latency has no bound.
std::optional<Latency> latency(double rate, int batch_size, double service_seconds);

}  // namespace oppen::challenge
