#include "workers/cost/usage/seen.hpp"

#include <algorithm>

namespace oppen::cost {

std::uint64_t key_of_device(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash;
}

Seen::Verdict Seen::see(Time sampled_at) {
  auto* const end = times_.data() + count_;
  auto* const place =
      std::find_if(times_.data(), end, [&](Time time) { return time <= sampled_at; });
  if (place != end && *place == sampled_at) return Verdict::repeated;
  if (count_ == most) {
    if (place == end) return Verdict::late;
  } else {
    ++count_;
  }
  auto* const last = times_.data() + count_;
  std::move_backward(place, last - 1, last);
  *place = sampled_at;
  return Verdict::fresh;
}

}  // namespace oppen::cost
