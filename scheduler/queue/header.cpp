#include "scheduler/queue/header.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "scheduler/queue/keys.hpp"

namespace oppen::queue {
namespace {

template <class Value>
using Letters = std::pair<Value, char>;

constexpr Letters<JobState> states[] = {{JobState::queued, 'q'},    {JobState::launching, 'l'},
                                        {JobState::running, 'r'},   {JobState::cancelling, 'x'},
                                        {JobState::succeeded, 's'}, {JobState::failed, 'f'},
                                        {JobState::cancelled, 'c'}, {JobState::rejected, 'j'}};
constexpr Letters<Hold> holds[] = {{Hold::none, '-'},
                                   {Hold::window, 'w'},
                                   {Hold::retry, 't'},
                                   {Hold::dependency, 'd'},
                                   {Hold::budget, 'b'}};
constexpr Letters<Hold> reserved_holds[] = {{Hold::none, 'a'}, {Hold::window, 'o'}};
constexpr Letters<Priority> priorities[] = {
    {Priority::urgent, 'u'}, {Priority::normal, 'n'}, {Priority::background, 'b'}};

constexpr auto no_user = "-";  // which is no label value

template <class Value, std::size_t count>
char letter_in(const Letters<Value> (&letters)[count], Value value) {
  for (const auto& [known, letter] : letters) {
    if (known == value) return letter;
  }
  return '?';
}

char hold_letter(const Header& header) {
  const bool waits = header.hold == Hold::none || header.hold == Hold::window;
  return header.reserved && waits && header.state == JobState::queued
             ? letter_in(reserved_holds, header.hold)
             : letter(header.hold);
}

// Words one after the other; any that is missing or malformed spoils the whole.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  std::string_view word() {
    const auto end = rest_.find(' ');
    const auto text = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    ok_ = ok_ && !text.empty();
    return text;
  }
  template <class Number>
  void number(Number& value) {
    const auto text = word();
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    ok_ = ok_ && error == std::errc{} && stop == end;
  }
  template <class Value, std::size_t count>
  void letter(const Letters<Value> (&letters)[count], Value& value) {
    const auto text = word();
    for (const auto& [known, letter] : letters) {
      if (text.size() != 1 || text[0] != letter) continue;
      value = known;
      return;
    }
    ok_ = false;
  }
  void hold(Header& header) {
    const auto next = rest_.substr(0, rest_.find(' '));
    for (const auto& [known, letter] : reserved_holds)
      header.reserved = header.reserved || (next.size() == 1 && next[0] == letter);
    if (header.reserved) return letter(reserved_holds, header.hold);
    letter(holds, header.hold);
  }
  bool whole() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

char letter(Hold hold) { return letter_in(holds, hold); }
char letter(JobState state) { return letter_in(states, state); }

std::string user_word(const std::string& user) { return user.empty() ? no_user : user; }
std::string user_of(std::string_view word) { return word == no_user ? "" : std::string(word); }

std::string pair_of(const std::string& team, const std::string& project) {
  return user_word(team) + " " + user_word(project);
}

std::string to_line(const Header& header) {
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}\n", letter(header.state),
                     header.version, header.seq, letter_in(priorities, header.priority),
                     header.attempt, header.place, header.amounts.gpus,
                     header.amounts.cpu_millicores, header.amounts.memory_bytes, header.cost.value,
                     header.milliseconds, hold_letter(header),
                     header.not_before.time_since_epoch().count(), header.spread_permille,
                     header.doubt_permille, header.limit_seconds, user_word(header.user));
}

std::optional<Header> read_header(std::string_view text) {
  Words words(text.substr(0, text.find('\n')));
  Header header;
  words.letter(states, header.state);
  words.number(header.version);
  words.number(header.seq);
  words.letter(priorities, header.priority);
  words.number(header.attempt);
  words.number(header.place);
  header.amounts.pods = 1;
  words.number(header.amounts.gpus);
  words.number(header.amounts.cpu_millicores);
  words.number(header.amounts.memory_bytes);
  words.number(header.cost.value);
  words.number(header.milliseconds);
  words.hold(header);
  std::int64_t not_before = 0;
  words.number(not_before);
  header.not_before = Time(std::chrono::milliseconds(not_before));
  words.number(header.spread_permille);
  words.number(header.doubt_permille);
  words.number(header.limit_seconds);
  header.user = user_of(words.word());
  if (!words.whole()) return std::nullopt;
  return header;
}

}  // namespace oppen::queue
