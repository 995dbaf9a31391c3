#pragma once
// Whether the distribution of the last 52 values is one that was seen before: relative entropy of their z scores in bins against reference
// distributions (Wang, Viswanathan, Choudur, Talwar, Satterfield and Schwan 2011, "Statistical techniques for online anomaly detection in
// data centers"). It sees a change of shape that moves no mean.
//
// D = 2 W sum p ln(p / r), which is chi-square distributed where p comes from r. Below 30 the reference is met again, and the score is
// D / 30; else p becomes a reference, and the score is 6 + min(4, D / 50).
#include <array>
#include <vector>

#include "workers/anomaly/detect/ewma_z.hpp"

namespace oppen::anomaly {

class RelativeEntropy {
 public:
  static constexpr std::string_view state_name = "relative-entropy.1";

  double add(const Observation& observation);

  template <class Archive>
  void state(Archive& archive) {
    archive(z_, recent_, next_, filled_, references_, time_);
  }

  static constexpr std::size_t window = 52;

 private:
  static constexpr std::size_t bins = 6;
  using Counts = std::array<std::uint8_t, bins>;  // of the window's values
  struct Reference {
    Counts counts{};
    std::uint64_t met = 0;  // when last, by time_

    template <class Archive>
    void state(Archive& archive) {
      archive(counts, met);
    }
  };

  EwmaZ z_;
  std::array<std::uint8_t, window> recent_{};  // bins of the last values, a ring
  std::uint8_t next_ = 0;
  std::uint8_t filled_ = 0;
  std::vector<Reference> references_;
  std::uint64_t time_ = 0;
};

}  // namespace oppen::anomaly
