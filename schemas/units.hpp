#pragma once
// Amounts with a unit: money, CPU, memory, GPUs. Integers, so that sums are exact. Pure functions,
// any thread.
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "schemas/error.hpp"

namespace oppen {

// Millionths of a US dollar; negative for a correction.
struct MicroUsd {
  std::int64_t value = 0;
  // clang-tidy takes the 0 of a rewritten comparison for a pointer. NOLINTNEXTLINE(modernize-use-nullptr)
  auto operator<=>(const MicroUsd&) const = default;
  MicroUsd& operator+=(MicroUsd other) {
    value += other.value;
    return *this;
  }
};
inline MicroUsd operator+(MicroUsd a, MicroUsd b) { return {a.value + b.value}; }
inline MicroUsd operator-(MicroUsd a, MicroUsd b) { return {a.value - b.value}; }

// "$0.0205": dollars, four decimals below a dollar, two from there.
std::string to_string(MicroUsd amount);

// Thousandths of a core, and bytes, from Kubernetes quantity text ("500m", "2", "1.5"; "256Mi",
// "2Gi", "1G", "1e9"). Invalid: negative, malformed, above 2^53, or finer than a thousandth of a
// core / a byte (rounded up, as Kubernetes does).
Result<std::int64_t> parse_millicores(std::string_view quantity);
Result<std::int64_t> parse_bytes(std::string_view quantity);
// The shortest canonical quantity: 1500 -> "1500m", 2000 -> "2"; 2147483648 -> "2Gi".
std::string format_millicores(std::int64_t millicores);
std::string format_bytes(std::int64_t bytes);

}  // namespace oppen
