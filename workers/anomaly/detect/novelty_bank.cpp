#include "workers/anomaly/detect/novelty_bank.hpp"

#include <algorithm>

namespace oppen::anomaly {
namespace {

constexpr std::uint64_t first_values = 21;  // values before the spread says anything
constexpr double stands_for = 0.16;  // standard deviations within which a value stands for another
constexpr double use_growth = 1.0001;  // a value: a use 7,000 values ago counts half
constexpr double most_use = 1e6;
// A float keeps an offset of so many standard deviations to a thousandth of one.
constexpr double farthest_origin = 1e4;
constexpr std::size_t growth = 8;

}  // namespace

double NoveltyBank::add(double value) {
  if (scale_.count() == 0) origin_ = value;
  double score = 0;
  if (scale_.count() >= first_values) {
    move_origin();
    const auto offset = static_cast<float>(value - origin_);
    Remembered* nearest = nullptr;
    float least = 0;
    for (Remembered& known : remembered_) {
      const float distance = std::fabs(known.offset - offset);
      if (nearest != nullptr && distance >= least) continue;
      nearest = &known;
      least = distance;
    }
    const double deviation = scale_.deviation();
    double distance = 0;
    if (nearest != nullptr && least > 0)
      distance = deviation > 0 ? std::min(farthest, least / deviation) : farthest;
    use_ *= use_growth;
    if (nearest == nullptr || distance > stands_for)
      remember(offset);
    else
      count_use(nearest->used);
    score = distance;
  }
  scale_.add(value);
  return score;
}

void NoveltyBank::remember(float offset) {
  if (remembered_.size() < most) {
    if (remembered_.size() == remembered_.capacity())
      remembered_.reserve(remembered_.size() + growth);
    remembered_.push_back({offset, 0});
    return count_use(remembered_.back().used);
  }
  auto& least_used =
      *std::min_element(remembered_.begin(), remembered_.end(),
                        [](const auto& a, const auto& b) { return a.used < b.used; });
  least_used = {offset, 0};
  count_use(least_used.used);
}

void NoveltyBank::count_use(float& used) {
  used += static_cast<float>(use_);
  if (use_ < most_use) return;
  for (Remembered& known : remembered_) known.used /= static_cast<float>(use_);
  use_ = 1;
}

// Where the stream has moved far from its first value.
void NoveltyBank::move_origin() {
  if (std::fabs(scale_.mean() - origin_) <= farthest_origin * scale_.deviation()) return;
  for (Remembered& known : remembered_)
    known.offset = static_cast<float>(origin_ + double{known.offset} - scale_.mean());
  origin_ = scale_.mean();
}

}  // namespace oppen::anomaly
