#pragma once
// Values by key that are stored as the fields of one hash, each as JSON; only what has changed is stored again. One thread.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schemas/parse.hpp"
#include "schemas/time.hpp"
#include "workers/runtime/cell.hpp"

namespace nlohmann {

template <>
struct adl_serializer<oppen::Time> {
  static void to_json(json& data, oppen::Time time) { data = time.time_since_epoch().count(); }
  static void from_json(const json& data, oppen::Time& time) {
    time = oppen::Time(std::chrono::milliseconds(data.get<std::int64_t>()));
  }
};
template <class T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& data, const std::optional<T>& value) {
    data = value ? json(*value) : json();
  }
  static void from_json(const json& data, std::optional<T>& value) {
    if (!data.is_null()) value = data.get<T>();
  }
};

}  // namespace nlohmann

namespace oppen::anomaly {

// For an event that is kept as its own data: a base of its adl_serializer.
template <class Event>
struct AsData {
  static void to_json(nlohmann::json& data, const Event& event) { data = to_data(event); }
  static void from_json(const nlohmann::json& data, Event& event) {
    auto parsed = parse_data<Event>(data);
    if (!parsed) throw nlohmann::json::other_error::create(501, "no such event", nullptr);
    event = *std::move(parsed);
  }
};

}  // namespace oppen::anomaly

namespace oppen::anomaly {

using runtime::Cell;

// V: default constructible, to and from nlohmann::json.
template <class V>
class Kept {
 public:
  explicit Kept(std::string hash) : hash_(std::move(hash)) {}

  const V* find(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
  }
  const std::map<std::string, V>& all() const { return values_; }
  // To be changed; made where it is not there.
  V& at(const std::string& key) {
    changed_.insert(key);
    return values_[key];
  }
  void erase(const std::string& key) {
    if (values_.erase(key) > 0) changed_.insert(key);
  }
  template <class Predicate>
  void erase_if(const Predicate& over) {
    for (auto one = values_.begin(); one != values_.end();) {
      if (over(one->second)) {
        changed_.insert(one->first);
        one = values_.erase(one);
      } else {
        ++one;
      }
    }
  }

  // Adds what has changed since the last call.
  void take_changes(std::vector<Cell>& cells) {
    for (const auto& key : changed_) {
      const auto* value = find(key);
      cells.push_back(
          {hash_, key,
           value == nullptr ? "" : nlohmann::json(*value).dump(-1, ' ', false, replace)});
    }
    changed_.clear();
  }
  // False: it can't be read.
  bool load(const std::string& key, const std::string& text) {
    try {
      values_[key] = nlohmann::json::parse(text).get<V>();
      return true;
    } catch (const nlohmann::json::exception&) {
      return false;
    }
  }
  const std::string& hash() const { return hash_; }

 private:
  static constexpr auto replace = nlohmann::json::error_handler_t::replace;
  std::string hash_;
  std::map<std::string, V> values_;
  std::set<std::string> changed_;
};

}  // namespace oppen::anomaly
