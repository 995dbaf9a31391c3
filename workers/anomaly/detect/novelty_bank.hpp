#pragma once
// How far a value is from every value remembered, in standard deviations of the stream: nearest-neighbour novelty (Knorr and Ng 1998,
// "Algorithms for mining distance-based outliers in large datasets") with a bounded memory, into which a value goes only if nothing near it
// is there yet (the sequential leader clustering of Hartigan 1975).
#include <cstdint>
#include <vector>

#include "workers/anomaly/detect/running_scale.hpp"

namespace oppen::anomaly {

class NoveltyBank {
 public:
  // The distance, before the value is learnt; 0 while fewer than 22 values have been seen, and for one of those remembered.
  double add(double value);

  std::size_t remembered() const { return remembered_.size(); }
  std::size_t heap_bytes() const { return remembered_.capacity() * sizeof(Remembered); }

  template <class Archive>
  void state(Archive& archive) {
    archive(scale_, origin_, use_, remembered_);
  }

  static constexpr std::size_t most = 64;
  // Of a value that differs from a stream that never changed.
  static constexpr double farthest = 8000;

 private:
  struct Remembered {
    float offset = 0;  // from origin_
    float used = 0;    // how often it was the nearest, recent uses counting more

    template <class Archive>
    void state(Archive& archive) {
      archive(offset, used);
    }
  };
  void remember(float offset);
  void count_use(float& used);
  void move_origin();

  RunningScale scale_{0.0002};
  double origin_ = 0;
  double use_ = 1;  // what a use counts now: more each time
  std::vector<Remembered> remembered_;
};

}  // namespace oppen::anomaly
