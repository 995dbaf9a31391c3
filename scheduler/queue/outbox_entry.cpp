#include "scheduler/queue/outbox_entry.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>

namespace oppen::queue {

std::string encode(const OutboxEntry& entry) {
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", entry.topic, entry.key, entry.type, entry.id,
                     entry.time.time_since_epoch().count(), entry.data);
}

Result<OutboxEntry> decode_entry(std::string_view text) {
  std::array<std::string_view, 5> lines;
  for (auto& line : lines) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
      return fail(ErrorKind::fatal, "an outbox entry in Redis has too few lines");
    line = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  const auto milliseconds = std::strtoll(std::string(lines[4]).c_str(), nullptr, 10);
  return OutboxEntry{std::string(lines[0]),
                     std::string(lines[1]),
                     std::string(lines[2]),
                     std::string(lines[3]),
                     Time{std::chrono::milliseconds{milliseconds}},
                     std::string(text)};
}

}  // namespace oppen::queue
