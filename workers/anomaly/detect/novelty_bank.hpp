#pragma once
// How far a value is from every value remembered, in standard deviations of the stream: nearest-neighbour novelty (Knorr and Ng 1998,
// "Algorithms for mining distance-based outliers in large datasets") with a bounded memory, into which a value goes only if nothing near it
// is there yet (the sequential leader clustering of Hartigan 1975). The values are in a NoveltyMemory that several banks share.
#include <cstdint>

#include "workers/anomaly/detect/novelty_memory.hpp"

namespace oppen::anomaly {

class NoveltyBank {
 public:
  // The distance, before the value is learnt; 0 while fewer than 22 values have been seen, and for one of those remembered. `view` is the bank's
  // own part of `memory`, the same at each call.
  double add(double value, NoveltyMemory& memory, std::size_t view);

  template <class Archive>
  void state(Archive& archive) {
    archive(origin_, mean_, deviation_, unit_, count_);
  }

  // Of a value that differs from a stream that never changed.
  static constexpr double farthest = 8000;

 private:
  void learn(double value);
  void fit(std::span<Remembered> known);

  double origin_ = 0;  // of what is remembered and of the mean
  // As RunningScale at a rate of 0.0002, in half of its bytes.
  float mean_ = 0;
  float deviation_ = 0;
  float unit_ = 0;  // of what is remembered
  std::uint32_t count_ = 0;
};

}  // namespace oppen::anomaly
