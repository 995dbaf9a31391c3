#include "producers/telemetry/sources/nvidia_smi_text.hpp"

#include <algorithm>
#include <charconv>

#include "producers/telemetry/sources/values.hpp"
#include "schemas/text.hpp"

namespace oppen::telemetry {
namespace {

constexpr const char* reasons_column = "clocks_event_reasons.active";
constexpr const char* old_reasons_column = "clocks_throttle_reasons.active";  // before driver 535
constexpr std::string_view lost_gpu = "Unable to determine the device handle";

// Line `number` of what nvidia-smi printed, cut into its columns.
class Row {
 public:
  Row(std::string_view line, std::size_t number, const Columns& columns)
      : columns_(columns), number_(number) {
    while (values_.size() + 1 < columns.size()) {
      const auto comma = line.find(',');
      if (comma == std::string_view::npos) break;
      values_.push_back(trimmed(line.substr(0, comma)));
      line.remove_prefix(comma + 1);
    }
    values_.push_back(trimmed(line));
  }

  bool complete() const { return values_.size() == columns_.size(); }

  tl::unexpected<Error> incomplete() const {
    return fail(ErrorKind::invalid, where() + ": expected " + std::to_string(columns_.size()) +
                                        " columns, found " + std::to_string(values_.size()));
  }

  // "" where nvidia-smi can't tell, or wasn't asked.
  std::string_view text(std::string_view column) const {
    const auto found = std::find(columns_.begin(), columns_.end(), column);
    if (found == columns_.end()) return {};
    const auto value = values_.at(static_cast<std::size_t>(found - columns_.begin()));
    const bool untold = value == "N/A" || value == "ERR!" || value.starts_with('[');
    return untold ? std::string_view{} : value;
  }

  // Nullopt where nvidia-smi can't tell. Errors: invalid, what stands there is no number of `unit`.
  Result<std::optional<double>> number(std::string_view column, std::string_view unit = {}) const {
    auto value = text(column);
    if (value.empty()) return std::nullopt;
    if (!unit.empty() && value.ends_with(unit))
      value = trimmed(value.substr(0, value.size() - unit.size()));
    const auto number = parse_number(value);
    if (!number) return wrong(column, "a number");
    return number;
  }

  template <class Integer>
  Result<Integer> integer(std::string_view column, std::string_view prefix = {},
                          int base = 10) const {
    auto value = text(column);
    if (value.starts_with(prefix)) value.remove_prefix(prefix.size());
    Integer number = 0;
    const char* end = value.data() + value.size();
    const auto [stopped, error] = std::from_chars(value.data(), end, number, base);
    if (value.empty() || error != std::errc{} || stopped != end || number < 0)
      return wrong(column, "a whole number");
    return number;
  }

 private:
  std::string where() const { return "line " + std::to_string(number_) + " of nvidia-smi"; }

  tl::unexpected<Error> wrong(std::string_view column, const char* expected) const {
    return fail(ErrorKind::invalid, where() + ": " + std::string(column) + " is \"" +
                                        shortened(text(column)) + "\": expected " + expected);
  }

  const Columns& columns_;
  std::size_t number_;
  std::vector<std::string_view> values_;
};

// What nvidia-smi says in a sentence instead of a row. One lost GPU must not hide the others.
bool is_sentence(std::string_view line) {
  return line.starts_with(lost_gpu) || line.starts_with("No ") || line.starts_with("NVIDIA-SMI ") ||
         line.starts_with("Failed to ") || line.starts_with("WARNING:");
}

std::string_view unquoted(std::string_view name) {
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
    return name.substr(1, name.size() - 2);
  return name;
}

// into = as(the column's number)
template <class Into>
Status take(const Row& row, std::string_view column, std::string_view unit, Into (*as)(double),
            Into& into) {
  const auto number = row.number(column, unit);
  if (!number) return fail(number.error());
  if (*number) into = as(**number);
  return {};
}

Status take_reasons(const Row& row, std::vector<std::string>& into) {
  for (const char* column : {reasons_column, old_reasons_column}) {
    if (row.text(column).empty()) continue;
    const auto bits = row.integer<std::uint64_t>(column, "0x", 16);
    if (!bits) return fail(bits.error());
    into = throttle_reasons(*bits);
  }
  return {};
}

Result<GpuReading> reading_of(const Row& row) {
  GpuReading gpu;
  gpu.uuid = row.text("uuid");
  gpu.name = unquoted(row.text("name"));
  const auto index = row.integer<int>("index");
  if (!index) return fail(index.error());
  gpu.index = *index;
  const Status taken =
      take(row, "utilization.gpu", "%", as_percent, gpu.utilization_percent)
          .and_then(
              [&] { return take(row, "memory.used", "MiB", as_memory_mb, gpu.memory_used_mb); })
          .and_then(
              [&] { return take(row, "memory.total", "MiB", as_memory_mb, gpu.memory_total_mb); })
          .and_then([&] {
            return take(row, "temperature.gpu", "C", as_celsius, gpu.temperature_celsius);
          })
          .and_then([&] { return take(row, "power.draw", "W", as_watts, gpu.power_watts); })
          .and_then([&] {
            return take(row, "ecc.errors.uncorrected.volatile.total", "", as_count,
                        gpu.ecc_errors_total);
          })
          .and_then([&] { return take_reasons(row, gpu.throttle_reasons); });
  if (!taken) return fail(taken.error());
  return gpu;
}

}  // namespace

Columns gpu_columns() {
  return {"index",           "uuid",
          "utilization.gpu", "memory.used",
          "memory.total",    "temperature.gpu",
          "power.draw",      "ecc.errors.uncorrected.volatile.total",
          reasons_column,    "name"};
}

const Columns& process_columns() {
  static const Columns columns{"gpu_uuid", "pid", "used_memory"};
  return columns;
}

Result<std::vector<GpuReading>> parse_gpus(std::string_view text, const Columns& columns) {
  std::vector<GpuReading> gpus;
  std::string_view said;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto line = trimmed(take_line(text));
    if (line.empty()) continue;
    if (said.empty()) said = line;
    if (is_sentence(line)) continue;
    const Row row(line, number, columns);
    if (!row.complete()) return row.incomplete();
    if (row.text("uuid").empty()) continue;  // lost so far that it has no name any more
    auto gpu = reading_of(row);
    if (!gpu) return fail(gpu.error());
    gpus.push_back(std::move(*gpu));
  }
  if (gpus.empty()) {
    return fail(ErrorKind::unavailable,
                said.empty() ? "nvidia-smi told of no GPU" : "nvidia-smi: " + shortened(said, 300));
  }
  return gpus;
}

Result<std::vector<ProcessRow>> parse_processes(std::string_view text) {
  std::vector<ProcessRow> rows;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto line = trimmed(take_line(text));
    // "[Not Supported]" alone is a guest's driver that doesn't know of processes.
    if (line.empty() || is_sentence(line) || (line.starts_with('[') && line.ends_with(']')))
      continue;
    const Row row(line, number, process_columns());
    if (!row.complete()) return row.incomplete();
    if (row.text("gpu_uuid").empty() || row.text("pid").empty()) continue;
    ProcessRow taken{std::string(row.text("gpu_uuid")), {}};
    const auto pid = row.integer<std::int64_t>("pid");
    if (!pid) return fail(pid.error());
    taken.process.pid = *pid;
    if (const Status memory =
            take(row, "used_memory", "MiB", as_memory_mb, taken.process.memory_mb);
        !memory)
      return fail(memory.error());
    rows.push_back(std::move(taken));
  }
  return rows;
}

bool tells_of_lost_gpu(std::string_view text) {
  while (!text.empty()) {
    if (trimmed(take_line(text)).starts_with(lost_gpu)) return true;
  }
  return false;
}

std::optional<std::string> unknown_field(std::string_view text) {
  constexpr std::string_view before = "Field \"";
  constexpr std::string_view after = "\" is not a valid field to query";
  const auto end = text.find(after);
  if (end == std::string_view::npos) return std::nullopt;
  const auto begin = text.rfind(before, end);
  if (begin == std::string_view::npos) return std::nullopt;
  return std::string(text.substr(begin + before.size(), end - begin - before.size()));
}

Result<Columns> without(const Columns& columns, const std::string& unknown) {
  Columns left = columns;
  const auto found = std::find(left.begin(), left.end(), unknown);
  if (found == left.end() || unknown == "uuid" || unknown == "index") {
    return fail(ErrorKind::invalid, "nvidia-smi doesn't know the field \"" + shortened(unknown) +
                                        "\", without which there are no readings");
  }
  if (unknown == reasons_column)
    *found = old_reasons_column;
  else
    left.erase(found);
  return left;
}

}  // namespace oppen::telemetry
