#include "workers/cost/report/range.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "schemas/text.hpp"

namespace oppen::cost {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::months;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month;
using std::chrono::year_month_day;

Error wrong(const char* field, const std::string& value, const std::string& expected) {
  return {ErrorKind::invalid,
          fmt::format("{} is \"{}\": expected {}", field, shortened(value), expected)};
}

// Whether `text` looks like `form`, where 0 stands for any digit.
bool has_form(std::string_view text, std::string_view form) {
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == '0' ? !digit : text[i] != form[i]) return false;
  }
  return true;
}

Result<sys_days> parse_day(const char* field, const std::string& text) {
  int y = 0;
  unsigned m = 0;
  unsigned d = 0;
  if (has_form(text, "0000-00-00") && std::sscanf(text.c_str(), "%d-%u-%u", &y, &m, &d) == 3) {
    const year_month_day date{year{y}, month{m}, day{d}};
    if (date.ok() && y >= 1970) return sys_days(date);
  }
  return fail(wrong(field, text, "a day such as 2026-01-31"));
}

DayRange months_from(year_month first, int count) {
  return {sys_days(first / day{1}), sys_days((first + months{count}) / day{1})};
}

Result<DayRange> parse_month(const std::string& text) {
  int y = 0;
  unsigned m = 0;
  if (has_form(text, "0000-00") && std::sscanf(text.c_str(), "%d-%u", &y, &m) == 2 && y >= 1970 &&
      m >= 1 && m <= 12)
    return months_from(year{y} / month{m}, 1);
  return fail(wrong("month", text, "a month such as 2026-01"));
}

Result<DayRange> parse_quarter(const std::string& text) {
  int y = 0;
  unsigned q = 0;
  if (has_form(text, "0000-Q0") && std::sscanf(text.c_str(), "%d-Q%u", &y, &q) == 2 && y >= 1970 &&
      q >= 1 && q <= 4)
    return months_from(year{y} / month{q * 3 - 2}, 3);
  return fail(wrong("quarter", text, "a quarter such as 2026-Q1"));
}

}  // namespace

std::string to_text(sys_days day) {
  const year_month_day date{day};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

Result<DayRange> parse_range(const RangeWords& words, Time now) {
  const bool by_days = !words.from.empty() || !words.to.empty();
  const int ways =
      (words.month.empty() ? 0 : 1) + (words.quarter.empty() ? 0 : 1) + (by_days ? 1 : 0);
  if (ways > 1) {
    return fail(ErrorKind::invalid,
                "a report is about a month, or a quarter, or the days from one to another: give "
                "one of month, quarter, and from with to");
  }
  if (!words.month.empty()) return parse_month(words.month);
  if (!words.quarter.empty()) return parse_quarter(words.quarter);
  const auto today = std::chrono::floor<std::chrono::days>(now);
  const auto month_of = [](sys_days day) {
    const year_month_day date{day};
    return date.year() / date.month();
  };
  if (!by_days) return months_from(month_of(today), 1);
  Result<sys_days> last = words.to.empty() ? Result<sys_days>(today) : parse_day("to", words.to);
  if (!last) return fail(last.error());
  Result<sys_days> first = words.from.empty() ? Result<sys_days>(sys_days(month_of(*last) / day{1}))
                                              : parse_day("from", words.from);
  if (!first) return fail(first.error());
  if (*first > *last) {
    return fail(wrong("from", to_text(*first),
                      words.to.empty() ? "a day up to today, " + to_text(*last)
                                       : "a day not after to, " + to_text(*last)));
  }
  const DayRange range{*first, *last + std::chrono::days{1}};
  if (range.days() > longest_range_days) {
    return fail(wrong("from", to_text(*first),
                      fmt::format("at most {} days up to {}: it is {}", longest_range_days,
                                  to_text(*last), range.days())));
  }
  return range;
}

}  // namespace oppen::cost
