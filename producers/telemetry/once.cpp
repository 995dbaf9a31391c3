#include "producers/telemetry/once.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "schemas/parse.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;

using Rows = std::vector<std::vector<std::string>>;

// Columns as wide as their longest entry.
std::string table(const Rows& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

// Names from outside must not move the cursor.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

}  // namespace

Result<Samples> sample_once(Sampler& sampler, const Clock& clock, bool recorded) {
  Samples samples;
  for (int look = 0; look < 2 && !sampler.over(); ++look) {
    if (look > 0 && !recorded) std::this_thread::sleep_for(1s);
    auto more = sampler.look(clock.now());
    if (!sampler.status()) return fail(sampler.status().error());
    std::move(more.gpus.begin(), more.gpus.end(), std::back_inserter(samples.gpus));
    std::move(more.pods.begin(), more.pods.end(), std::back_inserter(samples.pods));
  }
  auto rest = sampler.flush(clock.now());
  std::move(rest.gpus.begin(), rest.gpus.end(), std::back_inserter(samples.gpus));
  std::move(rest.pods.begin(), rest.pods.end(), std::back_inserter(samples.pods));
  return samples;
}

std::string to_json(const Samples& samples) {
  nlohmann::ordered_json json;
  json["gpu_samples"] = nlohmann::ordered_json::array();
  json["pod_samples"] = nlohmann::ordered_json::array();
  for (const auto& sample : samples.gpus)
    json["gpu_samples"].push_back(nlohmann::ordered_json::parse(to_text(sample)));
  for (const auto& sample : samples.pods)
    json["pod_samples"].push_back(nlohmann::ordered_json::parse(to_text(sample)));
  return json.dump(2) + "\n";
}

std::string to_table(const Samples& samples) {
  Rows gpus = {{"GPU", "TYPE", "UTIL %", "SM %", "MEMORY MiB", "TEMP", "WATTS", "XID", "SHARE",
                "POD", "JOB"}};
  for (const auto& sample : samples.gpus) {
    gpus.push_back(
        {fmt::format("{}", sample.gpu_index), printable(or_dash(sample.gpu_type)),
         fmt::format("{:.0f}", sample.utilization_percent),
         sample.sm_active_percent ? fmt::format("{:.0f}", *sample.sm_active_percent) : "-",
         fmt::format("{:.0f}/{:.0f}", sample.memory_used_mb, sample.memory_total_mb),
         fmt::format("{:.0f}", sample.temperature_celsius),
         fmt::format("{:.0f}", sample.power_watts),
         sample.xid ? fmt::format("{}", *sample.xid) : "-",
         sample.share ? fmt::format("{:.2f}", *sample.share) : "-", printable(or_dash(sample.pod)),
         printable(or_dash(sample.job_id))});
  }
  auto text = table(gpus);
  if (samples.pods.empty()) return text;
  Rows pods = {{"POD", "JOB", "CORES", "MEMORY MiB"}};
  for (const auto& sample : samples.pods) {
    pods.push_back({printable(sample.pod), printable(or_dash(sample.job_id)),
                    fmt::format("{:.2f}", sample.cpu_cores),
                    fmt::format("{}", sample.memory_bytes >> 20)});
  }
  return text + "\n" + table(pods);
}

}  // namespace oppen::telemetry
