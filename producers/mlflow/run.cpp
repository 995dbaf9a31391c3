#include "producers/mlflow/run.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace oppen::mlflow {
namespace {

using nlohmann::json;

// What is no object has no members.
const json& member(const json& value, const char* name) {
  static const json absent;
  if (!value.is_object()) return absent;
  const auto found = value.find(name);
  return found == value.end() ? absent : *found;
}

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

// 64-bit numbers are numbers or, from servers that write protobuf's own JSON, texts.
std::int64_t number_of(const json& value) {
  if (value.is_number()) {
    const auto number = value.get<double>();
    return std::abs(number) < 1e18 ? static_cast<std::int64_t>(number) : 0;
  }
  const auto text = text_of(value);
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// NaN comes as a text, an infinity as the largest number that there is.
double metric_value(const json& value) {
  constexpr auto largest = std::numeric_limits<double>::max();
  if (!value.is_number()) return std::numeric_limits<double>::quiet_NaN();
  const auto number = value.get<double>();
  return std::abs(number) < largest
             ? number
             : std::copysign(std::numeric_limits<double>::infinity(), number);
}

template <class Take>
void each_entry(const json& list, Take take) {
  if (!list.is_array()) return;
  for (const auto& entry : list) {
    if (const auto key = text_of(member(entry, "key")); !key.empty()) take(key, entry);
  }
}

}  // namespace

std::optional<Run> parse_run(const json& run) {
  const auto& info = member(run, "info");
  const auto& data = member(run, "data");
  Run read;
  read.id = text_of(member(info, "run_id"));
  read.status = text_of(member(info, "status"));
  if (read.id.empty() || read.status.empty()) return std::nullopt;
  read.start_time_ms = number_of(member(info, "start_time"));
  read.end_time_ms = number_of(member(info, "end_time"));
  each_entry(member(data, "params"), [&](const std::string& key, const json& param) {
    read.params[key] = text_of(member(param, "value"));
  });
  each_entry(member(data, "tags"), [&](const std::string& key, const json& tag) {
    read.tags[key] = text_of(member(tag, "value"));
  });
  each_entry(member(data, "metrics"), [&](const std::string& key, const json& metric) {
    read.metrics[key] = {metric_value(member(metric, "value")),
                         number_of(member(metric, "timestamp"))};
  });
  return read;
}

}  // namespace oppen::mlflow
