#include "producers/telemetry/sources/values.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace oppen::telemetry {
namespace {

// NaN is in no range.
std::optional<double> within(double low, double value, double high) {
  if (value >= low && value <= high) return value;
  return std::nullopt;
}

std::optional<std::int64_t> whole_within(double value, double high) {
  if (!within(0, value, high) || std::floor(value) != value) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

// DCGM's blanks of 32 bits; the wider ones lie beyond every range.
bool is_int32_blank(double value) { return value >= 0x7FFFFFF0 && value <= 0x7FFFFFFF; }

constexpr double below_fp64_blank = 140737488355327.0;

constexpr std::uint64_t idle_bit = 1;

constexpr std::array<const char*, 11> reason_names{"gpu_idle",
                                                   "applications_clocks_setting",
                                                   "sw_power_cap",
                                                   "hw_slowdown",
                                                   "sync_boost",
                                                   "sw_thermal_slowdown",
                                                   "hw_thermal_slowdown",
                                                   "hw_power_brake_slowdown",
                                                   "display_clock_setting",
                                                   "board_limit",
                                                   "reliability"};

}  // namespace

std::optional<double> as_percent(double value) { return within(0, value, 100); }

std::optional<double> as_memory_mb(double value) { return within(0, value, 1 << 30); }

std::optional<double> as_celsius(double value) { return within(-50, value, 250); }

std::optional<double> as_watts(double value) { return within(0, value, 100'000); }

std::optional<int> as_xid(double value) {
  const auto whole = whole_within(value, 9999);
  if (!whole) return std::nullopt;
  return static_cast<int>(*whole);
}

std::optional<std::int64_t> as_count(double value) {
  if (is_int32_blank(value)) return std::nullopt;
  return whole_within(value, below_fp64_blank);
}

std::optional<std::uint64_t> as_reasons(double value) {
  const auto whole = as_count(value);
  if (!whole) return std::nullopt;
  return static_cast<std::uint64_t>(*whole);
}

std::vector<std::string> throttle_reasons(std::uint64_t bits) {
  std::vector<std::string> names;
  bits &= ~idle_bit;
  for (std::size_t bit = 0; bits >> bit != 0; ++bit) {
    if ((bits >> bit & 1) == 0) continue;
    names.push_back(bit < reason_names.size() ? reason_names.at(bit)
                                              : "reason_" + std::to_string(bit));
    if (bit == 63) break;
  }
  return names;
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace oppen::telemetry
