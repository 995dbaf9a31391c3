#include "producers/access/render.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "schemas/text.hpp"

namespace oppen::access {
namespace {

constexpr std::size_t gap = 2;

std::size_t columns_of(const std::string& text) { return utf8_length(text).value_or(text.size()); }

std::size_t width_of(const std::vector<std::size_t>& widths) {
  return std::accumulate(widths.begin(), widths.end(), std::size_t{0}) + gap * (widths.size() - 1);
}

template <class T>
void erase_at(std::vector<T>& list, std::size_t index) {
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
}

void append_line(std::string& out, const std::vector<Column>& columns,
                 const std::vector<std::size_t>& widths, const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) line.append(gap, ' ');
    const std::string padding(widths[i] - columns_of(cells[i]), ' ');
    line += columns[i].right ? padding + cells[i] : cells[i] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + '\n';
}

}  // namespace

std::string duration_text(double seconds) {
  struct Unit {
    long long size;
    const char* name;
  };
  constexpr Unit units[] = {{86'400, "d"}, {3'600, "h"}, {60, "m"}, {1, "s"}};
  const long long whole = std::llround(std::clamp(seconds, 0.0, 1e12));
  for (std::size_t i = 0; i + 1 < std::size(units); ++i) {
    if (whole < units[i].size) continue;
    return std::to_string(whole / units[i].size) + units[i].name + " " +
           std::to_string(whole % units[i].size / units[i + 1].size) + units[i + 1].name;
  }
  return std::to_string(whole) + "s";
}

std::string age_text(const std::string& rfc3339, Time now) {
  const auto time = parse_rfc3339(rfc3339);
  return time ? duration_text(Seconds(now - *time).count()) : "";
}

std::string from_now(const std::optional<Time>& time, Time now) {
  if (!time) return "";
  const double seconds = Seconds(*time - now).count();
  return seconds < 0.5 ? "now" : "in " + duration_text(seconds);
}

std::string printable(const std::string& text) {
  std::string clean;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    const bool is_c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;
    if (is_c1) ++i;
    clean += is_c1 || byte < 0x20 || byte == 0x7f ? '?' : static_cast<char>(byte);
  }
  return clean;
}

std::string printable_lines(const std::string& text) {
  std::string clean;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    clean += printable(text.substr(begin, end - begin));
    if (end < text.size()) clean += '\n';
    begin = end + 1;
  }
  return clean;
}

std::string table(std::vector<Column> columns, std::vector<std::vector<std::string>> rows,
                  int width) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns.size();) {
    std::size_t content = 0;
    for (auto& row : rows) {
      row[i] = printable(row[i]);
      content = std::max(content, columns_of(row[i]));
    }
    if (content == 0 && !rows.empty()) {
      erase_at(columns, i);
      for (auto& row : rows) erase_at(row, i);
      continue;
    }
    widths.push_back(std::max(content, columns[i].title.size()));
    ++i;
  }
  while (width > 0 && width_of(widths) > static_cast<std::size_t>(width)) {
    const auto least =
        std::max_element(columns.begin(), columns.end(),
                         [](const Column& a, const Column& b) { return a.drop < b.drop; });
    if (least->drop == 0) break;
    const auto index = static_cast<std::size_t>(least - columns.begin());
    erase_at(columns, index);
    erase_at(widths, index);
    for (auto& row : rows) erase_at(row, index);
  }
  std::string out;
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  append_line(out, columns, widths, titles);
  for (const auto& row : rows) append_line(out, columns, widths, row);
  return out;
}

}  // namespace oppen::access
