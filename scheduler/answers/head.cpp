#include "scheduler/answers/head.hpp"

#include <limits>

#include "scheduler/core/situation.hpp"

namespace oppen::answers {

plan::Hold hold_of(queue::Hold hold) {
  switch (hold) {
    case queue::Hold::window:
      return plan::Hold::window;
    case queue::Hold::budget:
      return plan::Hold::budget;
    case queue::Hold::retry:
      return plan::Hold::retry;
    default:
      return plan::Hold::none;
  }
}

std::optional<Head> read_head(std::string_view line) {
  const auto header = queue::read_header(line);
  if (!header) return std::nullopt;
  Head head;
  head.state = header->state;
  head.hold = header->hold;
  head.place = header->place;
  auto& waiting = head.waiting;
  waiting.priority = header->priority;
  waiting.amounts = header->amounts;
  waiting.p50_seconds = static_cast<float>(header->milliseconds) / 1000;
  const auto spread = header->spread_permille;
  waiting.spread = static_cast<float>(spread > 0 ? spread : core::unknown_spread_permille) / 1000;
  waiting.doubt = static_cast<float>(header->doubt_permille) / 1000;
  constexpr std::int64_t unbounded = std::numeric_limits<std::uint32_t>::max();
  const auto limit = header->limit_seconds;
  waiting.max_runtime_seconds =
      static_cast<std::uint32_t>(limit > 0 && limit < unbounded ? limit : unbounded);
  waiting.hold = hold_of(header->hold);
  if (header->hold == queue::Hold::retry) waiting.not_before = header->not_before;
  return head;
}

}  // namespace oppen::answers
