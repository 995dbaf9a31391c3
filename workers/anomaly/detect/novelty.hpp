#pragma once
// The default detector: a value is unusual as far as it, or what happens around it, is unlike everything remembered. Five views of the
// stream, each with a NoveltyBank of its own: the value; the range of the last 24 and of the last 48 values; the slow mean; and the value
// less what the time of the day lets expect. The farthest counts, and Rarity weighs it.
//
// It holds nothing outside of itself: sizeof(Novelty) is what a stream takes, whatever it has seen.
#include <array>
#include <string_view>

#include "workers/anomaly/detect/daily_profile.hpp"
#include "workers/anomaly/detect/novelty_bank.hpp"
#include "workers/anomaly/detect/observation.hpp"
#include "workers/anomaly/detect/rarity.hpp"
#include "workers/anomaly/detect/recent_range.hpp"

namespace oppen::anomaly {

class Novelty {
 public:
  static constexpr std::string_view state_name = "novelty.2";
  // The score that tells an anomaly from a value: to_unit(score, usual) is 0.5 there. In standard deviations from anything remembered, for
  // what was not seen in 1,000 values.
  static constexpr double usual = 0.35;

  double add(const Observation& observation);
  std::uint32_t count() const { return count_; }  // of values added

  template <class Archive>
  void state(Archive& archive) {
    archive(slow_mean_, recent_, profile_, banks_, memory_, count_, rarity_);
  }

 private:
  double slow_mean_ = 0;
  RecentRange recent_;
  DailyProfile profile_;
  std::array<NoveltyBank, NoveltyMemory::views> banks_;
  NoveltyMemory memory_;
  std::uint32_t count_ = 0;
  Rarity rarity_;
};

}  // namespace oppen::anomaly
