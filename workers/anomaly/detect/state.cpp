#include "workers/anomaly/detect/state.hpp"

namespace oppen::anomaly {

std::uint32_t checksum(std::string_view bytes) {
  std::uint32_t sum = 2166136261U;
  for (const char byte : bytes) sum = (sum ^ static_cast<unsigned char>(byte)) * 16777619U;
  return sum;
}

}  // namespace oppen::anomaly
