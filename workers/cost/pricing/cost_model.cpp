// The ConfigMap `cost-model` as values.
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "workers/cost/pricing/config_map.hpp"
#include "workers/cost/pricing/off_peak.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::pricing {
namespace {

constexpr std::int64_t largest_rate = million * million;      // a million dollars an hour
constexpr std::int64_t largest_multiplier = 1'000 * million;  // beyond that it is a typing error
constexpr std::int64_t certainty = million;

// "22:00" in minutes; 24:00, the day's end, is allowed.
std::optional<int> parse_minute(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const std::size_t at : {0U, 1U, 3U, 4U}) {
    if (text[at] < '0' || text[at] > '9') return std::nullopt;
  }
  const int hour = (text[0] - '0') * 10 + (text[1] - '0');
  const int minute = (text[3] - '0') * 10 + (text[4] - '0');
  if (minute > 59 || hour * 60 + minute > 24 * 60) return std::nullopt;
  return hour * 60 + minute;
}

// The number of millionths that was written as this JSON number: dividing rounds as reading does,
// so 0.35 comes back as 350000 / 1000000, and a number with more than six decimals as nothing.
std::optional<std::int64_t> to_millionths(double number) {
  if (!(number >= 0 && number <= static_cast<double>(million))) return std::nullopt;
  const std::int64_t millionths = std::llround(number * static_cast<double>(million));
  if (static_cast<double>(millionths) / static_cast<double>(million) != number) return std::nullopt;
  return millionths;
}

void read_window(ConfigReader& reader, CostModel& model) {
  const auto text = reader.text("off_peak_window");
  if (!text) return;
  const std::string_view window = *text;  // HH:MM-HH:MM ZONE
  const bool shaped = window.size() > 12 && window[5] == '-' && window[11] == ' ';
  const auto start = shaped ? parse_minute(window.substr(0, 5)) : std::nullopt;
  const auto end = shaped ? parse_minute(window.substr(6, 5)) : std::nullopt;
  if (!start || !end || *start == 24 * 60) {
    return reader.fault("off_peak_window", shown(*text),
                        "HH:MM-HH:MM and an IANA time zone, such as 22:00-06:00 UTC");
  }
  const std::string zone(window.substr(12));
  if (!zone_exists(zone)) {
    return reader.fault("off_peak_window", shown(*text),
                        "a time zone of this machine's database (package tzdata), which has no " +
                            zone + "; UTC always works");
  }
  model.off_peak_start_minute = *start;
  model.off_peak_end_minute = *end;
  model.time_zone = zone;
}

void read_gpu_types(ConfigReader& reader, CostModel& model) {
  const std::string key = "gpu_type_hourly_usd";
  const auto object = reader.object(key, R"({"A100":0.35,"T4":0.15})");
  if (!object) return;
  std::map<std::string, std::int64_t> rates;
  for (const auto& [type, value] : object->items()) {
    const auto rate = value.is_number() ? to_millionths(value.get<double>()) : std::nullopt;
    if (rate && !type.empty()) {
      rates[type] = *rate;
    } else {
      reader.fault(
          key + "." + type, shown(value),
          "a GPU type and its dollars an hour: a number from 0 to 1000000 with at most 6 decimals");
    }
  }
  model.gpu_type_hourly = std::move(rates);
}

void read_all(ConfigReader& reader, CostModel& model) {
  reader.millionths("gpu_hourly_usd", model.gpu_hourly, largest_rate);
  read_gpu_types(reader, model);
  reader.millionths("cpu_only_hourly_usd", model.cpu_only_hourly, largest_rate);
  reader.millionths("cpu_core_hourly_usd", model.cpu_core_hourly, largest_rate);
  reader.millionths("memory_gb_hourly_usd", model.memory_gib_hourly, largest_rate);
  read_window(reader, model);
  reader.millionths("off_peak_multiplier", model.off_peak_multiplier, largest_multiplier);
  reader.millionths("urgent_multiplier", model.urgent_multiplier, largest_multiplier);
  reader.millionths("background_multiplier", model.background_multiplier, largest_multiplier);
  reader.millionths("spot_multiplier", model.spot_multiplier, largest_multiplier);
  reader.millionths("spot_interruption_rate", model.spot_interruption_rate, certainty);
}

}  // namespace

bool is_cost_model_key(const std::string& key) {
  const std::map<std::string, std::string> none;
  ConfigReader reader(none);
  CostModel model;
  read_all(reader, model);
  return reader.knows(key);
}

tl::expected<CostModel, FieldErrors> parse_cost_model(
    const std::map<std::string, std::string>& config_map) {
  CostModel model;
  ConfigReader reader(config_map);
  read_all(reader, model);
  FieldErrors faults = reader.finish();
  if (!faults.empty()) return tl::unexpected(std::move(faults));
  return model;
}

}  // namespace oppen::pricing
