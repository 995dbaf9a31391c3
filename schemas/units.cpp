#include "schemas/units.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "schemas/text.hpp"

namespace oppen {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::int64_t largest = std::int64_t{1} << 53;  // what every JSON reader keeps exact

constexpr Wide power(Wide base, int exponent) {
  Wide result = 1;
  for (; exponent > 0; --exponent) result *= base;
  return result;
}

constexpr Wide one = power(10, 18);               // quantities are counted in units of 10^-18
constexpr Wide largest_mantissa = power(10, 17);  // times `one` times 1000 still fits 128 bits

struct Scale {
  Wide times = 1;
  Wide over = 1;
};

constexpr struct Suffix {
  std::string_view text;
  int ten;  // the exponent of 10 ...
  int two;  // ... and of 2
} suffixes[] = {{"", 0, 0},    {"n", -9, 0},  {"u", -6, 0},  {"m", -3, 0},
                {"k", 3, 0},   {"M", 6, 0},   {"G", 9, 0},   {"T", 12, 0},
                {"P", 15, 0},  {"E", 18, 0},  {"Ki", 0, 10}, {"Mi", 0, 20},
                {"Gi", 0, 30}, {"Ti", 0, 40}, {"Pi", 0, 50}, {"Ei", 0, 60}};

Scale scale_of(int ten, int two) {
  return {ten > 0 ? power(10, ten) : power(2, two), ten < 0 ? power(10, -ten) : Wide{1}};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<Scale> parse_suffix(std::string_view text) {
  for (const Suffix& suffix : suffixes) {
    if (text == suffix.text) return scale_of(suffix.ten, suffix.two);
  }
  if (text.front() != 'e' && text.front() != 'E') return std::nullopt;
  text.remove_prefix(1);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.size() > 2) return std::nullopt;
  int exponent = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    exponent = exponent * 10 + (c - '0');
  }
  if (exponent > 18) return std::nullopt;
  return scale_of(negative ? -exponent : exponent, 0);
}

// The quantity times `unit` (1000 for thousandths), rounded up; nullopt when malformed or above
// `largest`.
std::optional<std::int64_t> parse_quantity(std::string_view text, Wide unit) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Wide mantissa = 0;
  std::size_t at = 0;
  bool any_digit = false;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    any_digit = true;
    mantissa = mantissa * 10 + static_cast<Wide>(text[at] - '0');
    if (mantissa > largest_mantissa) return std::nullopt;
  }
  mantissa *= one;
  Wide finer = 0;
  if (at < text.size() && text[at] == '.') {
    Wide place = one;
    for (++at; at < text.size() && is_digit(text[at]); ++at) {
      any_digit = true;
      place /= 10;
      mantissa += place * static_cast<Wide>(text[at] - '0');
      if (place == 0 && text[at] != '0') finer = 1;  // enough to be rounded up
    }
  }
  if (!any_digit) return std::nullopt;
  const auto scale = parse_suffix(text.substr(at));
  if (!scale) return std::nullopt;
  mantissa += finer;
  const Wide times = scale->times * unit;
  const Wide over = scale->over * one;
  // Keeps the product below 128 bits; what it refuses is too large in any case.
  if (mantissa / (over / times + 1) > static_cast<Wide>(largest)) return std::nullopt;
  const Wide result = (mantissa * times + over - 1) / over;
  if (result > static_cast<Wide>(largest)) return std::nullopt;
  return static_cast<std::int64_t>(result);
}

}  // namespace

std::string to_string(MicroUsd amount) {
  const char* sign = amount.value < 0 ? "-" : "";
  // Unsigned, so that the most negative amount has a magnitude too.
  const auto raw = static_cast<std::uint64_t>(amount.value);
  const std::uint64_t micros = amount.value < 0 ? 0 - raw : raw;
  const std::uint64_t ten_thousandths = (micros + 50) / 100;
  if (ten_thousandths < 10000) {
    return fmt::format("{}$0.{:04}", ten_thousandths == 0 ? "" : sign, ten_thousandths);
  }
  const std::uint64_t cents = (micros + 5000) / 10000;
  return fmt::format("{}${}.{:02}", sign, cents / 100, cents % 100);
}

Result<std::int64_t> parse_millicores(std::string_view quantity) {
  if (const auto value = parse_quantity(quantity, 1000)) return *value;
  return fail(ErrorKind::invalid, "the CPU quantity is \"" + shortened(quantity) +
                                      "\": expected cores such as 500m, 2 or 1.5");
}

Result<std::int64_t> parse_bytes(std::string_view quantity) {
  if (const auto value = parse_quantity(quantity, 1)) return *value;
  return fail(ErrorKind::invalid, "the memory quantity is \"" + shortened(quantity) +
                                      "\": expected bytes such as 256Mi, 2Gi or 1G");
}

std::string format_millicores(std::int64_t millicores) {
  return millicores % 1000 == 0 ? fmt::format("{}", millicores / 1000)
                                : fmt::format("{}m", millicores);
}

std::string format_bytes(std::int64_t bytes) {
  std::string best = fmt::format("{}", bytes);
  if (bytes == 0) return best;
  for (const Suffix& suffix : suffixes) {
    if (suffix.ten < 0) continue;
    const Wide scale = scale_of(suffix.ten, suffix.two).times;
    if (static_cast<Wide>(bytes) % scale != 0) continue;
    std::string text = fmt::format(
        "{}{}", static_cast<std::int64_t>(static_cast<Wide>(bytes) / scale), suffix.text);
    // Of two of the same length the binary one, which stands later in the table.
    if (text.size() <= best.size()) best = std::move(text);
  }
  return best;
}

}  // namespace oppen
