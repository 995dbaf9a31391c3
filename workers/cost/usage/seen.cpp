#include "workers/cost/usage/seen.hpp"

#include <algorithm>
#include <cstring>

namespace oppen::cost {

std::uint64_t key_of_device(std::string_view name) {
  constexpr std::uint64_t multiplier = 0xc6a4a7935bd1e995;
  constexpr unsigned shift = 47;
  std::uint64_t hash = name.size() * multiplier;
  std::uint64_t word = 0;
  for (; name.size() >= sizeof word; name.remove_prefix(sizeof word)) {
    std::memcpy(&word, name.data(), sizeof word);
    word *= multiplier;
    word ^= word >> shift;
    word *= multiplier;
    hash ^= word;
    hash *= multiplier;
  }
  if (!name.empty()) {
    word = 0;
    std::memcpy(&word, name.data(), name.size());
    hash ^= word;
    hash *= multiplier;
  }
  hash ^= hash >> shift;
  hash *= multiplier;
  return hash ^ hash >> shift;
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
