#pragma once
// A pod's log as a stream, and where it comes from. KubeLogs (kube_logs.hpp) is the real source;
// tests script their own.
#include <chrono>
#include <memory>
#include <string>

#include "schemas/error.hpp"

namespace oppen::console {

// One reader, one thread at a time. Dropping it ends the transfer.
class LogStream {
 public:
  virtual ~LogStream() = default;

  enum class Read { data, quiet, end };
  // The next piece, in `into`; quiet when nothing came within `wait`.
  virtual Read next(std::string& into, std::chrono::milliseconds wait) = 0;
};

struct LogRequest {
  std::string pod;
  bool follow = false;
  int tail = -1;  // the last so many lines; < 0: from the beginning
};

// Any thread.
class LogSource {
 public:
  virtual ~LogSource() = default;

  // Errors: not_found (no such pod, or its container has not begun; the message is the API
  // server's), refused (the console lacks the right), unavailable.
  virtual Result<std::shared_ptr<LogStream>> open(const LogRequest& request) = 0;
};

}  // namespace oppen::console
