#pragma once
// CSV as RFC 4180 has it: commas, CRLF, quotes where they are needed. Internal to this folder; pure.
#include <string>
#include <string_view>
#include <vector>

namespace oppen::cost {

// A text that somebody chose. One that a spreadsheet would take for a formula gets an apostrophe before it.
std::string csv_text(std::string_view text);

// Appends a line of cells, each already a number or from csv_text.
void append_csv(std::string& out, const std::vector<std::string>& cells);

}  // namespace oppen::cost
