#include "workers/anomaly/detect/novelty_memory.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace oppen::anomaly {
namespace {

constexpr double fine_units = 8;  // within so many the grid is about even
constexpr double steps = 246;     // so that the 1,023 places of a side reach 256 units
constexpr double middle = 1024;   // the origin's place

}  // namespace

unsigned Remembered::place_of(double units) {
  const double place = std::round(steps * std::asinh(units / fine_units));
  return static_cast<unsigned>(middle + std::clamp(place, 1 - middle, middle - 1));
}

double Remembered::units() const { return fine_units * std::sinh((place() - middle) / steps); }

void Remembered::count_use(std::uint32_t number) {
  if (uses() == most_uses) return;
  // Multiples of the golden ratio are spread evenly (Knuth, The Art of Computer Programming 3, 6.4).
  const std::uint64_t drawn = std::uint32_t{number * 2654435769U};
  if (drawn >> (32 - uses()) == 0) ++bits;
}

std::size_t NoveltyMemory::begin_of(std::size_t view) const {
  return std::accumulate(sizes_.begin(), sizes_.begin() + static_cast<std::ptrdiff_t>(view),
                         std::size_t{0});
}

std::span<Remembered> NoveltyMemory::of(std::size_t view) {
  return {all_.data() + begin_of(view), sizes_[view]};
}

void NoveltyMemory::remember(std::size_t view, Remembered one) {
  if (sizes_[view] == most_of_view)
    forget_one_of(begin_of(view), begin_of(view + 1));
  else if (total() == most)
    forget_one_of(0, most);
  auto* const at = all_.data() + begin_of(view + 1);
  std::copy_backward(at, all_.data() + total(), all_.data() + total() + 1);
  *at = one;
  ++sizes_[view];
}

// The least used one; of those that are alike the oldest of the view that has most.
void NoveltyMemory::forget_one_of(std::size_t from, std::size_t to) {
  std::size_t least = to, its_view = 0;
  for (std::size_t view = 0; view < views; ++view) {
    const auto end = std::min(to, begin_of(view + 1));
    for (auto i = std::max(from, begin_of(view)); i < end; ++i) {
      const bool is_less = least == to || all_[i].uses() < all_[least].uses();
      const bool is_like = !is_less && all_[i].uses() == all_[least].uses();
      if (!is_less && !(is_like && sizes_[view] > sizes_[its_view])) continue;
      least = i;
      its_view = view;
    }
  }
  std::copy(all_.data() + least + 1, all_.data() + total(), all_.data() + least);
  --sizes_[its_view];
}

}  // namespace oppen::anomaly
