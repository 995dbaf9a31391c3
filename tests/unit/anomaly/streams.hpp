#pragma once
// Series for the tests of this folder.
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "workers/anomaly/detect/observation.hpp"

namespace oppen::anomaly {

// Every 5 minutes, a daily wave of amplitude 10 around 100 with noise of standard deviation 1.
inline std::vector<Observation> daily_wave(std::size_t count, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> noise;
  std::vector<Observation> stream;
  for (std::size_t i = 0; i < count; ++i) {
    const double phase = 2 * std::numbers::pi * static_cast<double>(i % 288) / 288;
    stream.push_back(
        {Time(std::chrono::minutes(5 * i)), 100 + 10 * std::sin(phase) + noise(random)});
  }
  return stream;
}

template <class Detector>
std::vector<double> scores_of(const std::vector<Observation>& stream,
                              Detector detector = Detector()) {
  std::vector<double> scores;
  for (const auto& observation : stream) scores.push_back(detector.add(observation));
  return scores;
}

}  // namespace oppen::anomaly
