// The upper half of a float: 8 bits of exponent, 8 of precision. Computed with as floats, since CPUs
// of today seldom have arithmetic of their own for it.
#pragma once

#include <bit>
#include <cstdint>

namespace oppen::digits_trainer {

class Bfloat16 {
 public:
  Bfloat16() = default;

  // To the nearest, half to even. Not for NaN.
  explicit Bfloat16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    bits_ = static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
  }

  explicit operator float() const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits_) << 16);
  }

 private:
  std::uint16_t bits_ = 0;
};

}  // namespace oppen::digits_trainer
