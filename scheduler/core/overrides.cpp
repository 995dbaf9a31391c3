#include "scheduler/core/overrides.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "schemas/parse.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::core {

using nlohmann::json;

Result<Overrides> Overrides::parse(const std::string& text) {
  const auto data = json::parse(text, nullptr, false);
  if (!data.is_array()) return fail(ErrorKind::fatal, "the overrides in Redis are broken");
  Overrides overrides;
  for (const auto& one : data) {
    auto change = parse_data<PolicyOverride>(one);
    if (!change) {
      return fail(ErrorKind::fatal,
                  "the overrides in Redis are broken: " + sentences(change.error()));
    }
    overrides.all_.push_back(std::move(*change));
  }
  return overrides;
}

std::string Overrides::text() const {
  json data = json::array();
  for (const auto& change : all_) data.push_back(to_data(change));
  return data.dump();
}

void Overrides::put(PolicyOverride change) {
  const auto earlier = std::find_if(all_.begin(), all_.end(),
                                    [&](const auto& other) { return other.key == change.key; });
  if (earlier == all_.end()) {
    all_.push_back(std::move(change));
  } else {
    *earlier = std::move(change);
  }
}

bool Overrides::end(Time now) {
  return std::erase_if(
             all_, [&](const auto& change) { return change.until && *change.until <= now; }) > 0;
}

void Overrides::keep_fitting(const std::function<bool(const Overrides&)>& fits) {
  Overrides kept;
  for (const auto& change : all_) {
    kept.all_.push_back(change);
    if (fits(kept)) continue;
    kept.all_.pop_back();
    spdlog::error(
        "the override of {} with \"{}\" does not fit the other policies any more and ends",
        change.key, change.value);
  }
  all_ = std::move(kept.all_);
}

Overrides::ConfigMap Overrides::over(ConfigMap data, const IsKey& is_key) const {
  for (const auto& change : all_) {
    if (is_key(change.key)) data[change.key] = change.value;
  }
  return data;
}

const PolicyOverride* Overrides::find(const std::string& key) const {
  const auto found =
      std::find_if(all_.begin(), all_.end(), [&](const auto& change) { return change.key == key; });
  return found == all_.end() ? nullptr : &*found;
}

std::size_t Overrides::bytes() const {
  std::size_t bytes = 0;
  for (const auto& change : all_)
    bytes += change.key.size() + change.value.size() + change.because.size();
  return bytes;
}

}  // namespace oppen::core
