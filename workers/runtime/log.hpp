#pragma once
// Logging to stderr: text for a person ("2026-01-03T18:15:00.000Z info  scheduler: ...") or one
// JSON object a line. Include this where something is logged; not in headers. spdlog's default
// logger: SPDLOG_INFO, spdlog::info(...).
#include <spdlog/spdlog.h>

#include <string>

namespace oppen::runtime {

// `level`: trace|debug|info|warn|error; `format`: text|json; `program`: the name in each line.
void start_logging(const std::string& program, const std::string& level, const std::string& format);

// Lets a condition that lasts be logged when it begins, once a minute while it lasts, and when it
// ends.
class Recurring {
 public:
  // True when the caller should log now. One thread.
  bool begin_or_due();
  // True when it had begun: log that it is over.
  bool end();

 private:
  bool active_ = false;
  long long last_ms_ = 0;
};

}  // namespace oppen::runtime
