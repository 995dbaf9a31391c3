#pragma once
// Suppression: how much a score counts by how long ago one as high was. Within the last 50 it counts nothing, for it tells what was told
// already; after that it grows with the 0.3th power of the time, to 1 at 1,000 values and 1.52 at 4,000. A stream that is unusual often is
// unusual at a higher level only.
//
// Scores are told apart in steps of 12 %, and times by 16 values, so that a byte a step is all that is remembered.
#include <array>
#include <cstdint>

namespace oppen::anomaly {

class Rarity {
 public:
  // The score times its weight; then remembers that it was there.
  double add(double score);

  template <class Archive>
  void state(Archive& archive) {
    archive(now_, last_);
  }

 private:
  static constexpr std::size_t levels = 64;

  std::uint32_t now_ = 0;
  // By level: when a score of that level or above was there last, or long ago. Sixteens of values, modulo 256.
  std::array<std::uint8_t, levels> last_{};
};

}  // namespace oppen::anomaly
