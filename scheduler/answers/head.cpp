#include "scheduler/answers/head.hpp"

#include <charconv>
#include <limits>

#include "scheduler/core/situation.hpp"

namespace oppen::answers {
namespace {

std::optional<JobState> state_of(char letter) {
  switch (letter) {
    case 'q':
      return JobState::queued;
    case 'l':
      return JobState::launching;
    case 'r':
      return JobState::running;
    case 'x':
      return JobState::cancelling;
    case 's':
      return JobState::succeeded;
    case 'f':
      return JobState::failed;
    case 'c':
      return JobState::cancelled;
    case 'j':
      return JobState::rejected;
    default:
      return std::nullopt;
  }
}

std::optional<Priority> priority_of(char letter) {
  switch (letter) {
    case 'u':
      return Priority::urgent;
    case 'n':
      return Priority::normal;
    case 'b':
      return Priority::background;
    default:
      return std::nullopt;
  }
}

std::optional<queue::Hold> hold_of(char letter) {
  using queue::Hold;
  for (const auto hold : {Hold::none, Hold::window, Hold::retry, Hold::dependency}) {
    if (queue::letter(hold) == letter) return hold;
  }
  return std::nullopt;
}

// Words one after the other; any that is missing or malformed spoils the whole.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  char letter() {
    const auto text = word();
    ok_ = ok_ && text.size() == 1;
    return ok_ ? text[0] : '?';
  }
  std::int64_t number() {
    const auto text = word();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    ok_ = ok_ && error == std::errc{} && end == text.data() + text.size();
    return value;
  }
  bool ok() const { return ok_; }

 private:
  std::string_view word() {
    const auto end = rest_.find(' ');
    const auto text = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return text;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::optional<Head> read_head(std::string_view line) {
  Words words(line);
  Head head;
  auto& waiting = head.waiting;
  const auto state = state_of(words.letter());
  words.number();  // version
  words.number();  // seq
  const auto priority = priority_of(words.letter());
  words.number();  // attempt
  head.place = words.number();
  waiting.amounts.pods = 1;
  waiting.amounts.gpus = words.number();
  waiting.amounts.cpu_millicores = words.number();
  waiting.amounts.memory_bytes = words.number();
  words.number();  // cost
  waiting.p50_seconds = static_cast<float>(words.number()) / 1000;
  const auto hold = hold_of(words.letter());
  const auto not_before = words.number();
  const auto spread = words.number();
  const auto doubt = words.number();
  const auto limit = words.number();
  if (!words.ok() || !state || !priority || !hold) return std::nullopt;

  head.state = *state;
  head.hold = *hold;
  waiting.priority = *priority;
  waiting.spread = static_cast<float>(spread > 0 ? spread : core::unknown_spread_permille) / 1000;
  waiting.doubt = static_cast<float>(doubt) / 1000;
  constexpr std::int64_t unbounded = std::numeric_limits<std::uint32_t>::max();
  waiting.max_runtime_seconds =
      static_cast<std::uint32_t>(limit > 0 && limit < unbounded ? limit : unbounded);
  if (*hold == queue::Hold::window) waiting.hold = plan::Hold::window;
  if (*hold == queue::Hold::retry) {
    waiting.hold = plan::Hold::retry;
    waiting.not_before = Time(std::chrono::milliseconds(not_before));
  }
  return head;
}

}  // namespace oppen::answers
