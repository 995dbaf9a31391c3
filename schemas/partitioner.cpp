#include <cstdint>

#include "schemas/cloud_event.hpp"

namespace oppen {
namespace {

// Murmur2 exactly as in org.apache.kafka.common.utils.Utils.
std::uint32_t murmur2(std::string_view data) {
  constexpr std::uint32_t m = 0x5bd1e995;
  const auto byte = [data](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(data[i]));
  };
  std::uint32_t h = 0x9747b28c ^ static_cast<std::uint32_t>(data.size());
  std::size_t i = 0;
  for (; i + 4 <= data.size(); i += 4) {
    std::uint32_t k = byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16 | byte(i + 3) << 24;
    k *= m;
    k ^= k >> 24;
    k *= m;
    h *= m;
    h ^= k;
  }
  const std::size_t left = data.size() - i;
  if (left == 3) h ^= byte(i + 2) << 16;
  if (left >= 2) h ^= byte(i + 1) << 8;
  if (left >= 1) {
    h ^= byte(i);
    h *= m;
  }
  h ^= h >> 13;
  h *= m;
  h ^= h >> 15;
  return h;
}

}  // namespace

int partition_of(std::string_view key, int partition_count) {
  return static_cast<int>((murmur2(key) & 0x7fffffffU) %
                          static_cast<std::uint32_t>(partition_count));
}

}  // namespace oppen
