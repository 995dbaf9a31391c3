#pragma once
// How amounts and tables look in a terminal. Pure functions, any thread.
#include <optional>
#include <string>
#include <vector>

#include "schemas/time.hpp"
#include "schemas/units.hpp"

namespace oppen::access {

// The two largest units, in whole numbers: "0s", "45s", "4m 10s", "1h 24m", "2d 3h".
std::string duration_text(double seconds);

// The time since a point, by its RFC 3339 text: as duration_text, "" when it can't be read.
std::string age_text(const std::string& rfc3339, Time now);

// "now", "in 4m 10s"; "" when it isn't known.
std::string from_now(const std::optional<Time>& time, Time now);

// Without control characters, which would write to the terminal in a user's name: they become '?'. C1's too (U+0080 to U+009F).
std::string printable(const std::string& text);
// The same of a text of several lines, whose ends are kept.
std::string printable_lines(const std::string& text);

struct Column {
  std::string title;
  bool right = false;  // numbers
  int drop = 0;        // where it doesn't fit, the highest goes first; 0: never
};

// Columns as wide as their contents, two spaces apart, no spaces at the ends of lines. Where
// `width` (0: no limit) is too small, columns are left out rather than cut, as half an id is of no
// use; and so are columns without any content.
std::string table(std::vector<Column> columns, std::vector<std::vector<std::string>> rows,
                  int width);

}  // namespace oppen::access
