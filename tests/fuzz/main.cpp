// libFuzzer's entry; which of the targets it runs is decided when it is compiled.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  oppen::fuzz::OPPEN_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
