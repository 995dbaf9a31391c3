#include "bench/trace/pod_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <sstream>

namespace oppen::bench {
namespace {

constexpr std::array columns{"cpu_milli",     "memory_mib",     "num_gpu",      "gpu_milli",
                             "creation_time", "scheduled_time", "deletion_time"};
enum Column { cpu, memory, gpus, gpu_milli, created, scheduled, deleted };

// The format quotes nothing.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream rest(line);
  for (std::string field; std::getline(rest, field, ',');) fields.push_back(field);
  if (line.ends_with(',')) fields.emplace_back();
  return fields;
}

}  // namespace

Result<std::vector<TracePod>> read_pod_trace(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line))
    return fail(ErrorKind::not_found, path + " can't be read, or is empty");
  const auto header = fields_of(line);
  std::array<std::size_t, columns.size()> place{};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto found = std::find(header.begin(), header.end(), columns[i]);
    if (found == header.end())
      return fail(ErrorKind::invalid,
                  fmt::format("{}: there is no column {} in its first line", path, columns[i]));
    place[i] = static_cast<std::size_t>(found - header.begin());
  }

  std::vector<TracePod> pods;
  for (std::size_t number = 2; std::getline(file, line); ++number) {
    const auto fields = fields_of(line);
    std::array<std::int64_t, columns.size()> values{};
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto text = place[i] < fields.size() ? fields[place[i]] : "";
      // Absent for a pod that was never scheduled.
      if (text.empty() && i == scheduled) {
        values[i] = values[created];
        continue;
      }
      const auto* end = text.data() + text.size();
      const auto [stop, error] = std::from_chars(text.data(), end, values[i]);
      if (error != std::errc() || stop != end || values[i] < 0)
        return fail(ErrorKind::invalid,
                    fmt::format("{}, line {}: {} is \"{}\": expected a whole number from 0", path,
                                number, columns[i], text));
    }
    TracePod pod;
    pod.arrives = Time(std::chrono::seconds(values[created]));
    pod.run_seconds = std::max<std::int64_t>(1, values[deleted] - values[scheduled]);
    pod.resources.gpus = static_cast<int>(values[gpus]);
    if (values[gpus] == 1 && values[gpu_milli] < 1000)
      pod.resources.gpu_share = static_cast<double>(values[gpu_milli]) / 1000;
    pod.resources.cpu_millicores = values[cpu];
    pod.resources.memory_bytes = values[memory] << 20;
    pods.push_back(pod);
  }
  std::stable_sort(pods.begin(), pods.end(),
                   [](const auto& a, const auto& b) { return a.arrives < b.arrives; });
  return pods;
}

}  // namespace oppen::bench
