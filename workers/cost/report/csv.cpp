#include "workers/cost/report/csv.hpp"

namespace oppen::cost {

std::string csv_text(std::string_view text) {
  constexpr std::string_view formulas = "=+-@\t\r";
  std::string out;
  if (!text.empty() && formulas.find(text.front()) != std::string_view::npos) out += '\'';
  out += text;
  return out;
}

void append_csv(std::string& out, const std::vector<std::string>& cells) {
  bool first = true;
  for (const std::string& cell : cells) {
    if (!first) out += ',';
    first = false;
    if (cell.find_first_of("\",\r\n") == std::string::npos) {
      out += cell;
      continue;
    }
    out += '"';
    for (const char c : cell) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }
  out += "\r\n";
}

}  // namespace oppen::cost
