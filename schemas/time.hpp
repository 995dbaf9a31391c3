#pragma once
// Points in time and durations as the events carry them: RFC 3339 in UTC, and seconds. Pure
// functions, any thread.
#include <chrono>
#include <string>
#include <string_view>

#include "schemas/error.hpp"

namespace oppen {

// Wall-clock time in UTC with the millisecond resolution of Kafka's own timestamps.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using Seconds = std::chrono::duration<double>;

// "2026-01-03T18:15:00.000Z"
std::string to_rfc3339(Time time);

// Accepts any RFC 3339 date-time (offset or Z, fraction of any length, cut to milliseconds) of the
// years 1970 to 9999.
Result<Time> parse_rfc3339(std::string_view text);

// Where "now" comes from. Owned by main; the tests' fake lives in tests/support. Safe from any
// thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override;
};

}  // namespace oppen
