#pragma once
// The range (largest less smallest) of the last values of a stream. The extremes of blocks of three values are kept in place of the values, so a
// window begins with a block and lacks up to two values; each is a float of its distance from where the stream was. Plain value; one thread.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace oppen::anomaly {

class RecentRange {
 public:
  static constexpr std::uint32_t block = 3;
  static constexpr std::uint32_t most = 48;  // values

  // `number`: from 0 on, by one each time.
  void add(double value, std::uint32_t number) {
    if (number == 0) origin_ = value;
    auto& [low, high] = blocks_[number / block % blocks];
    const auto offset = static_cast<float>(value - origin_);
    const bool is_first = number % block == 0;
    low = is_first ? offset : std::min(low, offset);
    high = is_first ? offset : std::max(high, offset);
    // A float keeps a range to a thousandth where the stream is no more than so many ranges away.
    if (std::fabs(value - origin_) > 1e4 * of(number, most)) move_to(value);
  }

  // Of a window of so many values, a multiple of `block`, that ends with the value `number`, the last one added.
  double of(std::uint32_t number, std::uint32_t values) const {
    const auto last = number / block;
    auto [low, high] = blocks_[last % blocks];
    const auto before = std::min(values / block - 1, last);
    for (std::uint32_t i = 1; i <= before; ++i) {
      low = std::min(low, blocks_[(last - i) % blocks].low);
      high = std::max(high, blocks_[(last - i) % blocks].high);
    }
    return double{high} - double{low};
  }

  template <class Archive>
  void state(Archive& archive) {
    archive(origin_, blocks_);
  }

 private:
  static constexpr std::uint32_t blocks = most / block;
  struct Extremes {
    float low = 0;
    float high = 0;

    template <class Archive>
    void state(Archive& archive) {
      archive(low, high);
    }
  };

  void move_to(double origin) {
    const double by = origin_ - origin;
    for (auto& one : blocks_) {
      one.low = static_cast<float>(double{one.low} + by);
      one.high = static_cast<float>(double{one.high} + by);
    }
    origin_ = origin;
  }

  double origin_ = 0;
  std::array<Extremes, blocks> blocks_{};  // a ring
};

}  // namespace oppen::anomaly
