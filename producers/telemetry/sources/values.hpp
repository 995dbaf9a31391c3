#pragma once
// Numbers as NVIDIA's tools tell them. A tool that doesn't know a value says so by a sentinel or by nonsense (DCGM: 2147483632 and the
// following 15, 0x7FFFFFFFFFFFFFF0 and above, 140737488355328.0; drivers: 4294967295 % of utilization): such a value is no value.
// Pure functions, any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oppen::telemetry {

// The value if it can be one, else nullopt.
std::optional<double> as_percent(double value);      // 0 to 100
std::optional<double> as_memory_mb(double value);    // MiB, up to 1 PiB
std::optional<double> as_celsius(double value);      // -50 to 250
std::optional<double> as_watts(double value);        // up to 100 kW
std::optional<int> as_xid(double value);             // 0 to 9999, whole
std::optional<std::int64_t> as_count(double value);  // from 0, whole, no sentinel
// A set of throttle reasons, a bit each.
std::optional<std::uint64_t> as_reasons(double value);

// The names that nvidia-smi has for the bits that NVML, DCGM and nvidia-smi share, idleness aside: {"sw_power_cap"} for 0x4. A bit
// without a name is "reason_<bit>".
std::vector<std::string> throttle_reasons(std::uint64_t bits);

// A whole decimal number, a fraction or an exponent allowed; nullopt for anything else, infinities and NaN included.
std::optional<double> parse_number(std::string_view text);

// Without the blanks, tabs and line ends around it.
std::string_view trimmed(std::string_view text);

// Takes the next line off `text`, without its end.
std::string_view take_line(std::string_view& text);

}  // namespace oppen::telemetry
