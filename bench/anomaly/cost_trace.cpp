#include "bench/anomaly/cost_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "bench/trace/pod_trace.hpp"

namespace oppen::bench {
namespace {

constexpr std::int64_t day_seconds = 86'400;
constexpr std::int64_t epoch_day = 20'454;  // 2026-01-01: where the traces' first day is put
// Before it the pods of openb_pod_list.csv are those alone that were still there later.
constexpr std::int64_t first_pod_day = 115, pod_days = 34;
constexpr double part_of_pods = 2.0 / 3;
constexpr std::size_t teams = 6;
constexpr double cpu_only_usd = 0.10, core_usd = 0.05, gib_usd = 0.01;

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream rest(line);
  for (std::string field; std::getline(rest, field, ',');) fields.push_back(field);
  return fields;
}

}  // namespace

double draw(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

std::size_t pick(std::mt19937_64& random, std::size_t count) {
  return std::min(count - 1, static_cast<std::size_t>(draw(random) * static_cast<double>(count)));
}

double time_multiplier(anomaly::Slot slot) {
  const auto hour = slot % anomaly::slots_a_day / 12;
  return hour >= 22 || hour < 6 ? 0.5 : 1;
}

double gpu_usd_hour(const std::string& gpu_type) {
  if (gpu_type == "A100") return 0.35;
  if (gpu_type == "V100") return 0.25;
  return gpu_type == "T4" ? 0.15 : cpu_only_usd;
}

Result<std::vector<MinuteOfJobs>> read_minutes(const std::string& path) {
  constexpr std::array<const char*, 7> columns{"time",
                                               "running_job_num",
                                               "running_gpujob_num",
                                               "running_job_num_noless_8",
                                               "running_job_num_less_8",
                                               "running_gpu_num_noless_8",
                                               "running_gpu_num_less_8"};
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return fail(ErrorKind::not_found, path + " can't be read");
  const auto header = split(line);
  std::array<std::size_t, columns.size()> place{};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto found = std::find(header.begin(), header.end(), columns[i]);
    if (found == header.end())
      return fail(ErrorKind::invalid, fmt::format("{} has no column {}", path, columns[i]));
    place[i] = static_cast<std::size_t>(found - header.begin());
  }
  std::vector<MinuteOfJobs> minutes;
  Time first{};
  for (std::size_t number = 2; std::getline(file, line); ++number) {
    const auto fields = split(line);
    std::array<double, columns.size()> values{};
    bool good = fields.size() >= header.size();
    for (std::size_t i = 1; good && i < columns.size(); ++i) {
      const auto& text = fields[place[i]];
      const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), values[i]);
      good = error == std::errc();
    }
    auto time_text = good ? fields[place[0]] : "";
    if (time_text.size() > 10) time_text[10] = 'T';
    const auto time = parse_rfc3339(time_text + "Z");
    if (!good || !time)
      return fail(ErrorKind::invalid, fmt::format("{}, line {}: {}", path, number, line));
    if (minutes.empty()) first = std::chrono::floor<std::chrono::days>(*time);
    const auto index = static_cast<std::size_t>((*time - first) / std::chrono::minutes(1));
    if (minutes.size() < index)
      minutes.resize(index, minutes.empty() ? MinuteOfJobs{} : minutes.back());
    minutes.push_back({{values[3], values[5]}, {values[4], values[6]}, {values[1] - values[2], 0}});
  }
  return minutes;
}

Result<CostTrace> pods_cost(const std::string& path, std::mt19937_64& random) {
  auto pods = read_pod_trace(path);
  if (!pods) return fail(pods.error());
  CostTrace trace{"pods", {}, {}, epoch_day, pod_days};
  std::map<std::array<std::int64_t, 4>, std::size_t> kinds;
  constexpr std::array gpu_types{"T4", "V100", "A100"};
  std::array<std::size_t, teams> main_type{};
  for (auto& type : main_type) type = pick(random, gpu_types.size());
  const std::int64_t shift = (epoch_day - first_pod_day) * day_seconds;
  for (const auto& pod : *pods) {
    const auto& asked = pod.resources;
    const double share = asked.gpu_share.value_or(asked.gpus);
    const auto [found, is_new] = kinds.try_emplace(
        {asked.cpu_millicores, asked.memory_bytes, asked.gpus, std::llround(share * 1000)},
        trace.kinds.size());
    if (is_new) {
      const auto team = pick(random, teams);
      const auto project = fmt::format("project-{}{}", team, pick(random, 2) == 0 ? 'a' : 'b');
      // Two in three on what the team mostly has.
      const auto type = pick(random, 3) == 0 ? pick(random, gpu_types.size()) : main_type[team];
      trace.kinds.push_back({fmt::format("team-{}", team), project,
                             fmt::format("model-{}", trace.kinds.size()),
                             asked.gpus == 0 ? "" : gpu_types[type],
                             team % 2 == 0 ? "research" : "products", "training"});
    }
    const bool taken = draw(random) < part_of_pods;
    CostPart part;
    part.kind = found->second;
    part.begins = pod.arrives.time_since_epoch() / std::chrono::seconds(1) + shift;
    part.ends = std::min(part.begins + pod.run_seconds, (epoch_day + pod_days) * day_seconds);
    part.is_start = part.begins >= epoch_day * day_seconds;
    part.begins = std::max(part.begins, epoch_day * day_seconds);
    const auto& on = trace.kinds[part.kind];
    part.units = asked.gpus > 0 ? share : static_cast<double>(asked.cpu_millicores) / 1000;
    part.usd_hour = (asked.gpus > 0 ? share : 1) * gpu_usd_hour(on.gpu_type) +
                    static_cast<double>(asked.cpu_millicores) / 1000 * core_usd +
                    static_cast<double>(asked.memory_bytes) / 0x1p30 * gib_usd;
    if (taken && part.begins < part.ends) trace.parts.push_back(part);
  }
  std::stable_sort(trace.parts.begin(), trace.parts.end(),
                   [](const auto& a, const auto& b) { return a.begins < b.begins; });
  return trace;
}

CostTrace minutes_cost(const std::vector<MinuteOfJobs>& minutes, std::mt19937_64& random) {
  CostTrace trace{"minutes", {}, {}, epoch_day, static_cast<std::int64_t>(minutes.size()) / 1440};
  trace.kinds = {{"team-large", "project-large", "model-large", "A100", "research", "training"},
                 {"team-small", "project-small", "model-small", "V100", "research", "training"},
                 {"team-cpu", "project-cpu", "model-cpu", "", "products", "training"}};
  std::array<double, 3> scale{};
  for (double& one : scale) one = 0.6 + 0.8 * draw(random);
  constexpr std::size_t step = 5;  // minutes
  for (std::size_t minute = 0; minute + step <= minutes.size(); minute += step) {
    const auto add = [&](std::size_t kind, const MinuteOfJobs::Size& size) {
      const auto jobs = static_cast<std::size_t>(std::llround(size.jobs));
      for (std::size_t i = 0; i < jobs; ++i) {
        CostPart part;
        part.kind = kind;
        part.begins = epoch_day * day_seconds + static_cast<std::int64_t>(minute) * 60;
        part.ends = part.begins + static_cast<std::int64_t>(step) * 60;
        // A job without a GPU has four cores.
        part.units = kind == 2 ? 4 : scale[kind] * size.gpus / size.jobs;
        part.usd_hour = kind == 2 ? scale[kind] * (cpu_only_usd + 4 * core_usd)
                                  : part.units * (gpu_usd_hour(trace.kinds[kind].gpu_type) +
                                                  8 * core_usd + 32 * gib_usd);
        trace.parts.push_back(part);
      }
    };
    add(0, minutes[minute].large);
    add(1, minutes[minute].small);
    add(2, minutes[minute].none);
  }
  return trace;
}

}  // namespace oppen::bench
