#pragma once
// How long a request takes that waits for its batch to be full, for the batches before it, and for its own. Pure, any thread.
//
// Requests come by chance at `rate` (Poisson). The j-th of a batch of b waits for b - j more of them: Erlang distributed. Batches then come
// as Erlang-b, and one waits for those before it as in E_b/D/1: that is what one waits in M/D/b, where each of the b servers gets every b-th
// request. Its distribution, exact, for (k - 1) D <= t < k D:
//
//   P(W <= t) = e^(-l (kD - t)) x sum for j = 0 .. kb - 1 of Q(kb - 1 - j) (l (kD - t))^j / j!
//
// with l the rate, D the service time, and Q(m) the probability that at most m wait in M/D/b (G. J. Franx, "A simple solution for the M/D/c
// waiting time distribution", Operations Research Letters 29, 2001). The two waits are taken as independent; in truth a batch that was long
// in the making finds less before it, so a p99 is rather too much.
#include <optional>
#include <vector>

namespace oppen::challenge {

// M/D/c. `rate` x `service_seconds` must be below `servers`; close to it this takes long. One thread.
class DeterministicQueue {
 public:
  DeterministicQueue(double rate, int servers, double service_seconds);

  double wait_probability(double t) const;  // P(W <= t); 0 for a negative t

 private:
  double rate_;
  int servers_;
  double service_;
  std::vector<double> at_most_;  // Q
};

struct Latency {
  double p50_seconds = 0;
  double p99_seconds = 0;
};

// nullopt: more comes than is served, and the latency has no bound.
std::optional<Latency> latency(double rate, int batch_size, double service_seconds);

}  // namespace oppen::challenge
