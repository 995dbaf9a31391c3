#include "producers/telemetry/sources/dcgm_text.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "producers/telemetry/sources/values.hpp"
#include "schemas/text.hpp"

namespace oppen::telemetry {
namespace {

using Labels = std::map<std::string, std::string, std::less<>>;

struct Device {
  GpuReading reading;
  std::optional<double> engine_active_percent;
  std::optional<double> memory_free_mb;
  std::optional<double> memory_reserved_mb;
  std::set<std::pair<std::string, std::string>> pods;  // namespace, name
};

using Take = void (*)(Device&, double);

// The fields that a reading is made of.
constexpr std::pair<std::string_view, Take> fields[] = {
    {"DCGM_FI_DEV_GPU_UTIL",
     [](Device& device, double value) { device.reading.utilization_percent = as_percent(value); }},
    {"DCGM_FI_PROF_GR_ENGINE_ACTIVE",
     [](Device& device, double value) { device.engine_active_percent = as_percent(value * 100); }},
    {"DCGM_FI_PROF_SM_ACTIVE",
     [](Device& device, double value) {
       device.reading.sm_active_percent = as_percent(value * 100);
     }},
    {"DCGM_FI_DEV_FB_USED",
     [](Device& device, double value) { device.reading.memory_used_mb = as_memory_mb(value); }},
    {"DCGM_FI_DEV_FB_FREE",
     [](Device& device, double value) { device.memory_free_mb = as_memory_mb(value); }},
    {"DCGM_FI_DEV_FB_RESERVED",
     [](Device& device, double value) { device.memory_reserved_mb = as_memory_mb(value); }},
    {"DCGM_FI_DEV_FB_TOTAL",
     [](Device& device, double value) { device.reading.memory_total_mb = as_memory_mb(value); }},
    {"DCGM_FI_DEV_GPU_TEMP",
     [](Device& device, double value) { device.reading.temperature_celsius = as_celsius(value); }},
    {"DCGM_FI_DEV_POWER_USAGE",
     [](Device& device, double value) { device.reading.power_watts = as_watts(value); }},
    {"DCGM_FI_DEV_XID_ERRORS",
     [](Device& device, double value) { device.reading.last_xid = as_xid(value); }},
    {"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL",
     [](Device& device, double value) { device.reading.ecc_errors_total = as_count(value); }},
    {"DCGM_FI_DEV_CLOCKS_EVENT_REASONS",
     [](Device& device, double value) {
       device.reading.throttle_reasons = throttle_reasons(as_reasons(value).value_or(0));
     }},
    // Its name before DCGM 3.3.
    {"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS",
     [](Device& device, double value) {
       device.reading.throttle_reasons = throttle_reasons(as_reasons(value).value_or(0));
     }},
};

// One line of the Prometheus text format, from left to right. False: it isn't one.
class PrometheusLine {
 public:
  explicit PrometheusLine(std::string_view line) : left_(line) {}

  std::string_view name() {
    const auto end = std::min(left_.find_first_of("{ \t"), left_.size());
    const auto name = left_.substr(0, end);
    left_.remove_prefix(end);
    return name;
  }

  bool labels(Labels& into) {
    skip_blanks();
    if (!take('{')) return true;
    for (;;) {
      skip_blanks();
      if (take('}')) return true;
      const auto equals = left_.find('=');
      if (equals == std::string_view::npos) return false;
      const auto label = trimmed(left_.substr(0, equals));
      left_.remove_prefix(equals + 1);
      skip_blanks();
      if (label.empty() || !take('"') || !quoted(into[std::string(label)])) return false;
      skip_blanks();
      if (!take(',') && !left_.starts_with('}')) return false;
    }
  }

  // NaN and the infinities, which Prometheus knows, are values that say nothing.
  bool value(std::optional<double>& into) {
    skip_blanks();
    const auto end = std::min(left_.find_first_of(" \t"), left_.size());
    auto text = left_.substr(0, end);
    if (text.starts_with('+')) text.remove_prefix(1);
    into = parse_number(text);
    return into || text == "NaN" || text == "Inf" || text == "-Inf";
  }

 private:
  void skip_blanks() {
    left_.remove_prefix(std::min(left_.find_first_not_of(" \t"), left_.size()));
  }

  bool take(char expected) {
    if (!left_.starts_with(expected)) return false;
    left_.remove_prefix(1);
    return true;
  }

  // What stands before the closing quote, which goes with it.
  bool quoted(std::string& into) {
    for (std::size_t at = 0; at < left_.size(); ++at) {
      char next = left_[at];
      if (next == '"') {
        left_.remove_prefix(at + 1);
        return true;
      }
      if (next == '\\') {
        if (++at == left_.size()) return false;
        next = left_[at] == 'n' ? '\n' : left_[at];
      }
      into += next;
    }
    return false;
  }

  std::string_view left_;
};

// The first of the labels that is there and not "".
std::string first_of(const Labels& labels, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    const auto found = labels.find(name);
    if (found != labels.end() && !found->second.empty()) return found->second;
  }
  return {};
}

int index_of(const Labels& labels) {
  const std::string text = first_of(labels, {"gpu"});
  int index = 0;
  std::from_chars(text.data(), text.data() + text.size(), index);
  return std::max(index, 0);
}

class Exposition {
 public:
  // False: the line is none of the format.
  bool take(std::string_view line) {
    PrometheusLine reader(line);
    const auto name = reader.name();
    const auto field = std::find_if(std::begin(fields), std::end(fields),
                                    [&](const auto& known) { return known.first == name; });
    if (field == std::end(fields)) return true;
    Labels labels;
    std::optional<double> value;
    if (!reader.labels(labels) || !reader.value(value)) return false;
    if (Device* device = device_of(labels); device != nullptr && value)
      field->second(*device, *value);
    return true;
  }

  std::vector<GpuReading> readings() && {
    std::vector<GpuReading> all;
    for (auto& [uuid, device] : devices_) all.push_back(finished(std::move(device)));
    std::sort(all.begin(), all.end(), [](const GpuReading& left, const GpuReading& right) {
      return std::tie(left.index, left.uuid) < std::tie(right.index, right.uuid);
    });
    return all;
  }

 private:
  // Null: the series is not of a GPU (of a switch, a processor).
  Device* device_of(const Labels& labels) {
    std::string uuid = first_of(labels, {"UUID", "uuid"});
    if (uuid.empty()) return nullptr;
    const std::string instance = first_of(labels, {"GPU_I_ID"});
    if (!instance.empty()) uuid += "/" + instance;
    Device& device = devices_[uuid];
    if (device.reading.uuid.empty()) {
      device.reading.uuid = uuid;
      device.reading.index = index_of(labels);
      device.reading.name = first_of(labels, {"modelName"});
      if (!instance.empty()) device.reading.name += " MIG " + first_of(labels, {"GPU_I_PROFILE"});
    }
    // Where Prometheus kept its own labels, `pod` is the exporter's.
    std::string pod = first_of(labels, {"exported_pod", "pod", "pod_name"});
    if (!pod.empty()) {
      device.pods.emplace(first_of(labels, {"exported_namespace", "namespace", "pod_namespace"}),
                          std::move(pod));
    }
    return &device;
  }

  static GpuReading finished(Device device) {
    GpuReading& reading = device.reading;
    // The same question, answered also for an instance in MIG mode, of which there is no GPU_UTIL.
    if (!reading.utilization_percent) reading.utilization_percent = device.engine_active_percent;
    if (!reading.memory_total_mb && reading.memory_used_mb && device.memory_free_mb) {
      reading.memory_total_mb =
          *reading.memory_used_mb + *device.memory_free_mb + device.memory_reserved_mb.value_or(0);
    }
    if (device.pods.size() == 1) {
      std::tie(reading.pod_namespace, reading.pod) = *device.pods.begin();
    } else {
      for (const auto& [space, pod] : device.pods) reading.sharing.push_back({pod, space});
    }
    return std::move(reading);
  }

  std::map<std::string, Device> devices_;
};

}  // namespace

Result<std::vector<GpuReading>> parse_dcgm(std::string_view text) {
  Exposition exposition;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto line = trimmed(take_line(text));
    if (line.empty() || line.starts_with('#')) continue;
    if (!exposition.take(line)) {
      return fail(ErrorKind::invalid, "line " + std::to_string(number) + " of the metrics is \"" +
                                          shortened(line) +
                                          "\": expected name{label=\"value\",...} number");
    }
  }
  auto readings = std::move(exposition).readings();
  if (readings.empty())
    return fail(ErrorKind::unavailable, "the metrics tell of no GPU: no DCGM_FI_ value has a UUID");
  return readings;
}

}  // namespace oppen::telemetry
