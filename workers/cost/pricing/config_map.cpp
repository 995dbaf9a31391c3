#include "workers/cost/pricing/config_map.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "schemas/text.hpp"

namespace oppen::pricing {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const std::size_t first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::optional<std::int64_t> parse_whole(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::int64_t> parse_millionths(std::string_view text) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction = point == text.size() ? "0" : text.substr(point + 1);
  if (whole.empty() || fraction.empty() || fraction.size() > 6) return std::nullopt;
  if (!std::all_of(whole.begin(), whole.end(), is_digit)) return std::nullopt;
  if (!std::all_of(fraction.begin(), fraction.end(), is_digit)) return std::nullopt;
  const auto units = parse_whole(whole);
  if (!units || *units > million) return std::nullopt;
  std::string six(fraction);
  six.resize(6, '0');
  const std::int64_t value = *units * million + *parse_whole(six);
  if (value > million * million) return std::nullopt;
  return value;
}

std::string shown(const nlohmann::json& value) {
  return shortened(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::optional<std::string> ConfigReader::text(const std::string& key) {
  known_.insert(key);
  const auto entry = map_.find(key);
  if (entry == map_.end()) return std::nullopt;
  return std::string(trimmed(entry->second));
}

void ConfigReader::millionths(const std::string& key, std::int64_t& into, std::int64_t largest) {
  const auto value = text(key);
  if (!value) return;
  const auto number = parse_millionths(*value);
  if (!number || *number > largest) {
    return fault(key, shown(*value),
                 "a number from 0 to " + std::to_string(largest / million) +
                     " with at most 6 decimals, such as 0.25");
  }
  into = *number;
}

std::optional<std::int64_t> ConfigReader::whole_number(const std::string& key,
                                                       std::int64_t smallest,
                                                       std::int64_t largest) {
  const auto value = text(key);
  if (!value) return std::nullopt;
  const auto number = parse_whole(*value);
  if (number && *number >= smallest && *number <= largest) return number;
  fault(key, shown(*value),
        "a whole number from " + std::to_string(smallest) + " to " + std::to_string(largest));
  return std::nullopt;
}

void ConfigReader::boolean(const std::string& key, bool& into) {
  const auto value = text(key);
  if (!value) return;
  if (*value != "true" && *value != "false") return fault(key, shown(*value), "true or false");
  into = *value == "true";
}

std::optional<nlohmann::json> ConfigReader::object(const std::string& key,
                                                   const std::string& example) {
  const auto value = text(key);
  if (!value) return std::nullopt;
  nlohmann::json parsed = nlohmann::json::parse(*value, nullptr, false);
  if (parsed.is_object()) return parsed;
  fault(key, shown(*value), "a JSON object such as " + example);
  return std::nullopt;
}

void ConfigReader::fault(std::string path, std::string value, std::string expected) {
  faults_.push_back({std::move(path), std::move(value), std::move(expected)});
}

FieldErrors ConfigReader::finish() {
  for (const auto& [key, value] : map_) {
    if (known_.contains(key)) continue;
    std::string keys;
    for (const std::string& name : known_) keys += (keys.empty() ? "" : ", ") + name;
    fault(key, shown(value), "no such key; the keys are " + keys);
  }
  return std::move(faults_);
}

}  // namespace oppen::pricing
