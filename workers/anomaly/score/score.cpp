#include "workers/anomaly/score/score.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <istream>
#include <ostream>

#include "schemas/text.hpp"
#include "schemas/time.hpp"
#include "workers/anomaly/detect/novelty.hpp"

namespace oppen::anomaly {
namespace {

constexpr std::size_t longest_line = 1000;
constexpr std::string_view header = "timestamp,value";

struct Row {
  std::string_view timestamp, value;  // as they stand there
  Observation observation;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// RFC 3339, or the same without a zone, and then in UTC.
Result<Time> parse_timestamp(std::string_view text) {
  std::string full(text);
  if (full.size() > 10 && full[10] == ' ') full[10] = 'T';
  if (auto time = parse_rfc3339(full)) return time;
  return parse_rfc3339(full + "Z");
}

std::string wrong(const char* field, std::string_view text, const char* expected) {
  return FieldError{field, '"' + shortened(text) + '"', expected}.sentence();
}

Result<Row> parse(std::string_view line) {
  const auto comma = line.find(',');
  if (comma == line.npos || line.find(',', comma + 1) != line.npos)
    return fail(ErrorKind::invalid, wrong("the row", line, "timestamp,value"));
  Row row{trimmed(line.substr(0, comma)), trimmed(line.substr(comma + 1)), {}};
  const auto time = parse_timestamp(row.timestamp);
  if (!time)
    return fail(ErrorKind::invalid,
                wrong("timestamp", row.timestamp,
                      "a time as in 2026-01-03T18:15:00Z or 2026-01-03 18:15:00 (UTC)"));
  row.observation.at = *time;
  const auto* end = row.value.data() + row.value.size();
  const auto [stop, error] = std::from_chars(row.value.data(), end, row.observation.value);
  if (error != std::errc() || stop != end || !valid(row.observation.value))
    return fail(ErrorKind::invalid, wrong("value", row.value, "a number from -1e30 to 1e30"));
  return row;
}

}  // namespace

Status score(std::istream& in, const std::string& file, std::ostream& out) {
  out << "timestamp,value,anomaly_score\n";
  Novelty detector;
  std::array<char, longest_line + 2> line{};
  for (std::size_t number = 1; in.getline(line.data(), line.size()); ++number) {
    // The line's end is counted, but at the end of the file.
    auto text =
        std::string_view(line.data(), static_cast<std::size_t>(in.gcount()) - (in.eof() ? 0 : 1));
    if (number == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (trimmed(text).empty() || (number == 1 && trimmed(text) == header)) continue;
    const auto row = parse(text);
    if (!row)
      return fail(row.error().kind,
                  fmt::format("{}, line {}: {}", file, number, row.error().message));
    out << fmt::format("{},{},{:.6f}\n", row->timestamp, row->value,
                       to_unit(detector.add(row->observation), Novelty::usual));
    // What reads along gets each row when it is there, and large files go out in large pieces.
    if (in.rdbuf()->in_avail() <= 0) out.flush();
  }
  out.flush();
  if (!out) return fail(ErrorKind::fatal, "the scores can't be written");
  if (in.bad()) return fail(ErrorKind::invalid, file + " can't be read");
  if (!in.eof())
    return fail(ErrorKind::invalid,
                fmt::format("{} has a line of more than {} bytes: expected rows timestamp,value",
                            file, longest_line));
  return {};
}

}  // namespace oppen::anomaly
