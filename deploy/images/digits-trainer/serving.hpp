// Answers requests for a trained network, as they come or all at once, and measures how long each
// of them took.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "deploy/images/digits-trainer/dataset.hpp"

namespace oppen::digits_trainer {

struct Served {
  std::uint64_t right = 0;        // answers that were the label
  double seconds = 0;             // from the first request to the last answer
  std::vector<double> latencies;  // of each answer, in seconds, from when its request came; sorted
};

// Request i is sample i, counted round; it comes i / per_second seconds after the first one, all
// come at once where `per_second` is 0. Waits for each, and ends early when `stop` is set.
Served serve(const std::vector<Sample>& samples, std::uint64_t requests, std::uint64_t per_second,
             const std::atomic<bool>& stop,
             const std::function<std::size_t(const Sample&)>& answer);

}  // namespace oppen::digits_trainer
