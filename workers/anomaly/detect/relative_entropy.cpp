#include "workers/anomaly/detect/relative_entropy.hpp"

#include <algorithm>

namespace oppen::anomaly {
namespace {

constexpr std::array edges{-3.0, -1.0, 0.0, 1.0, 3.0};
constexpr double same_distribution =
    30;  // relative entropy below which a distribution is a reference's
constexpr double least_share = 0.001;  // of a bin that a reference has nothing in
constexpr std::size_t most_references = 40;

template <class Counts>
double relative_entropy(const Counts& counts, const Counts& reference) {
  constexpr double window = RelativeEntropy::window;
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const double p = counts[i] / window;
    sum += p * std::log(p / std::max(reference[i] / window, least_share));
  }
  return 2 * window * sum;
}

}  // namespace

double RelativeEntropy::add(const Observation& observation) {
  const double z = z_.add_signed(observation.value);
  const auto bin = std::upper_bound(edges.begin(), edges.end(), z) - edges.begin();
  recent_[next_] = static_cast<std::uint8_t>(bin);
  next_ = static_cast<std::uint8_t>((next_ + 1) % window);
  ++time_;
  if (filled_ < window && ++filled_ < window) return 0;

  Counts counts{};
  for (const auto value : recent_) ++counts[value];
  Reference* nearest = nullptr;
  double least = 0;
  for (Reference& reference : references_) {
    const double d = relative_entropy(counts, reference.counts);
    if (nearest != nullptr && d >= least) continue;
    nearest = &reference;
    least = d;
  }
  if (nearest != nullptr && least < same_distribution) {
    nearest->met = time_;
    return std::max(0.0, least) / same_distribution;
  }
  const bool first = references_.empty();
  if (references_.size() < most_references) {
    references_.push_back({counts, time_});
  } else {
    *std::min_element(references_.begin(), references_.end(),
                      [](const auto& a, const auto& b) { return a.met < b.met; }) = {counts, time_};
  }
  return first ? 0 : 6 + std::min(4.0, least / 50);
}

}  // namespace oppen::anomaly
