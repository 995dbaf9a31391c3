#include "deploy/images/digits-trainer/serving.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace oppen::digits_trainer {

Served serve(const std::vector<Sample>& samples, std::uint64_t requests, std::uint64_t per_second,
             const std::atomic<bool>& stop,
             const std::function<std::size_t(const Sample&)>& answer) {
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  Served served;
  served.latencies.reserve(requests);
  const auto began = Clock::now();
  for (std::uint64_t i = 0; i < requests && !stop; ++i) {
    const Sample& request = samples[i % samples.size()];
    const Seconds after(per_second == 0 ? 0.0
                                        : static_cast<double>(i) / static_cast<double>(per_second));
    const auto came = began + std::chrono::duration_cast<Clock::duration>(after);
    std::this_thread::sleep_until(came);
    if (answer(request) == request.label) ++served.right;
    served.latencies.push_back(Seconds(Clock::now() - came).count());
  }
  served.seconds = Seconds(Clock::now() - began).count();
  std::sort(served.latencies.begin(), served.latencies.end());
  return served;
}

}  // namespace oppen::digits_trainer
