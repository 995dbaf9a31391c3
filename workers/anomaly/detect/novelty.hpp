#pragma once
// The default detector: a value is unusual as far as it, or what happens around it, is unlike everything remembered. Five views of the
// stream, each with a NoveltyBank of its own: the value; the range of the last 24 and of the last 48 values; the slow mean; and the value
// less what the time of the day lets expect. The farthest counts, and Rarity weighs it.
//
// About 2 KB a stream; see bytes().
#include <array>
#include <string_view>

#include "workers/anomaly/detect/daily_profile.hpp"
#include "workers/anomaly/detect/novelty_bank.hpp"
#include "workers/anomaly/detect/observation.hpp"
#include "workers/anomaly/detect/rarity.hpp"

namespace oppen::anomaly {

class Novelty {
 public:
  static constexpr std::string_view state_name = "novelty.1";
  // The score that tells an anomaly from a value: to_unit(score, usual) is 0.5 there. In standard deviations from anything remembered, for
  // what was not seen in 1,000 values.
  static constexpr double usual = 0.35;

  double add(const Observation& observation);

  // Of this object and what it holds.
  std::size_t bytes() const;

  template <class Archive>
  void state(Archive& archive) {
    archive(count_, last_, slow_mean_, profile_, value_, short_range_, long_range_, level_,
            residual_, rarity_);
  }

 private:
  static constexpr std::size_t window = 48;
  double range(std::size_t values) const;

  std::uint64_t count_ = 0;
  std::array<double, window> last_{};  // a ring
  double slow_mean_ = 0;
  DailyProfile profile_;
  NoveltyBank value_, short_range_, long_range_, level_, residual_;
  Rarity rarity_;
};

}  // namespace oppen::anomaly
