#include "bench/anomaly/nab_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "workers/anomaly/detect/running_scale.hpp"

namespace oppen::bench {
namespace {

// NAB's "2014-04-10 07:15:00", or with a fraction.
Result<Time> nab_time(std::string text) {
  if (text.size() > 10) text[10] = 'T';
  return parse_rfc3339(text + "Z");
}

Result<std::vector<anomaly::Observation>> read_rows(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);  // timestamp,value
  std::vector<anomaly::Observation> rows;
  for (std::size_t number = 2; std::getline(file, line); ++number) {
    const auto comma = std::min(line.find(','), line.size());
    const auto time = nab_time(line.substr(0, comma));
    double value = 0;
    const auto* begin = line.data() + std::min(comma + 1, line.size());
    const auto [stop, error] = std::from_chars(begin, line.data() + line.size(), value);
    if (!time || error != std::errc() || !anomaly::valid(value))
      return fail(ErrorKind::invalid,
                  fmt::format("{}, line {}: {} is not timestamp,value", path, number, line));
    rows.push_back({*time, value});
  }
  return rows;
}

Result<std::vector<Window>> windows_of(const std::vector<anomaly::Observation>& rows,
                                       const nlohmann::json& spans) {
  std::vector<Window> windows;
  for (const auto& span : spans) {
    const auto begin = nab_time(span.at(0)), end = nab_time(span.at(1));
    if (!begin || !end) return fail(ErrorKind::invalid, span.dump() + " is no window of two times");
    Window window{rows.size(), 0};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].at >= *begin) window.first = std::min(window.first, i);
      if (rows[i].at <= *end) window.last = i;
    }
    if (window.first > window.last)
      return fail(ErrorKind::invalid, span.dump() + " has no row of its series");
    windows.push_back(window);
  }
  return windows;
}

}  // namespace

Result<std::vector<NabSeries>> read_nab(const std::string& folder) {
  auto path = folder + "/combined_windows.json";
  if (!std::filesystem::exists(path)) path = folder + "/../labels/combined_windows.json";
  std::ifstream file(path);
  const auto labels = nlohmann::json::parse(file, nullptr, false);
  if (!labels.is_object())
    return fail(ErrorKind::not_found,
                folder + " has no readable combined_windows.json, nor has ../labels beside it");
  std::vector<NabSeries> all;
  for (const auto& [name, spans] : labels.items()) {
    if (!std::filesystem::exists(folder + "/" + name)) continue;
    auto rows = read_rows(folder + "/" + name);
    if (!rows) return fail(rows.error());
    auto windows = windows_of(*rows, spans);
    if (!windows) return fail(windows.error().in_context("reading the windows of " + name));
    all.push_back({name, std::move(*rows), std::move(*windows)});
  }
  return all;
}

NabSeries every_second(const NabSeries& series, std::size_t start) {
  NabSeries half{series.name, {}, {}};
  for (std::size_t i = start; i < series.rows.size(); i += 2) half.rows.push_back(series.rows[i]);
  // The rows start, start + 2, ... that lie in the window.
  for (const Window& window : series.windows) {
    const Window kept{(std::max(window.first, start) - start + 1) / 2,
                      (std::max(window.last, start) - start) / 2};
    if (kept.first <= kept.last) half.windows.push_back(kept);
  }
  return half;
}

NabSeries with_noise(const NabSeries& series, double part, unsigned seed) {
  anomaly::RunningScale scale;
  for (const auto& row : series.rows) scale.add(row.value);
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, part * scale.deviation());
  auto noisy = series;
  if (scale.deviation() > 0)
    for (auto& row : noisy.rows) row.value += normal(random);
  return noisy;
}

NabSeries reversed(const NabSeries& series) {
  auto backwards = series;
  const auto size = series.rows.size();
  for (std::size_t i = 0; i < size; ++i) backwards.rows[i].value = series.rows[size - 1 - i].value;
  std::reverse(backwards.windows.begin(), backwards.windows.end());
  for (Window& window : backwards.windows)
    window = {size - 1 - window.last, size - 1 - window.first};
  return backwards;
}

}  // namespace oppen::bench
