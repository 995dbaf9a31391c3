#include "schemas/time.hpp"

#include <optional>

#include "schemas/text.hpp"

namespace oppen {
namespace {

// Takes what it expects from the front of the text; the first mismatch makes `ok` false for good.
struct Scanner {
  std::string_view rest;
  bool ok = true;

  int digits(std::size_t count) {
    int number = 0;
    for (std::size_t i = 0; i < count; ++i) number = number * 10 + digit();
    return number;
  }
  int digit() {
    if (rest.empty() || rest.front() < '0' || rest.front() > '9') {
      ok = false;
      return 0;
    }
    const int value = rest.front() - '0';
    rest.remove_prefix(1);
    return value;
  }
  bool at_digit() const { return !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; }
  bool take(std::string_view any_of) {
    if (rest.empty() || any_of.find(rest.front()) == std::string_view::npos) return false;
    rest.remove_prefix(1);
    return true;
  }
  void expect(std::string_view any_of) { ok = take(any_of) && ok; }
};

std::optional<Time> scan(std::string_view text) {
  using namespace std::chrono;
  Scanner in{text};
  const int y = in.digits(4);
  in.expect("-");
  const int mo = in.digits(2);
  in.expect("-");
  const int d = in.digits(2);
  in.expect("Tt");
  const int h = in.digits(2);
  in.expect(":");
  const int mi = in.digits(2);
  in.expect(":");
  const int s = in.digits(2);
  int fraction_ms = 0;
  if (in.take(".")) {
    if (!in.at_digit()) return std::nullopt;
    for (int scale = 100; in.at_digit(); scale /= 10) fraction_ms += in.digit() * scale;
  }
  minutes offset{0};
  if (!in.take("Zz")) {
    const bool west = !in.rest.empty() && in.rest.front() == '-';
    in.expect("+-");
    const int offset_h = in.digits(2);
    in.expect(":");
    const int offset_m = in.digits(2);
    if (offset_h > 23 || offset_m > 59) return std::nullopt;
    offset = minutes{(west ? -1 : 1) * (offset_h * 60 + offset_m)};
  }
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)},
                            day{static_cast<unsigned>(d)}};
  // A leap second (60) counts as the first second of the next minute, as Unix time has it.
  if (!in.ok || !in.rest.empty() || !date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;
  const Time time =
      sys_days{date} + hours{h} + minutes{mi} + seconds{s} + milliseconds{fraction_ms} - offset;
  if (time < Time{} || time >= sys_days{year{10000} / 1 / 1}) return std::nullopt;
  return time;
}

// The last `count` decimal digits of `value`, which is not below zero.
void put_digits(std::string& text, std::size_t at, std::size_t count, std::int64_t value) {
  for (std::size_t i = at + count; i > at; value /= 10)
    text[--i] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::string to_rfc3339(Time time) {
  using namespace std::chrono;
  const auto midnight = floor<days>(time);
  const year_month_day date{midnight};
  const hh_mm_ss clock{time - midnight};
  // Digit by digit: every event has some, and a formatter takes several times as long.
  std::string text = "0000-00-00T00:00:00.000Z";
  put_digits(text, 0, 4, static_cast<int>(date.year()));
  put_digits(text, 5, 2, static_cast<unsigned>(date.month()));
  put_digits(text, 8, 2, static_cast<unsigned>(date.day()));
  put_digits(text, 11, 2, clock.hours().count());
  put_digits(text, 14, 2, clock.minutes().count());
  put_digits(text, 17, 2, clock.seconds().count());
  put_digits(text, 20, 3, clock.subseconds().count());
  return text;
}

Result<Time> parse_rfc3339(std::string_view text) {
  if (const auto time = scan(text)) return *time;
  return fail(ErrorKind::invalid,
              "the time is \"" + shortened(text) +
                  "\": expected RFC 3339 from 1970 to 9999, for example 2026-01-03T18:15:00Z");
}

Time SystemClock::now() const {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace oppen
