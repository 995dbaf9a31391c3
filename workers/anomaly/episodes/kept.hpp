#pragma once
// Values by key that are stored as the fields of one hash, each as JSON; only what has changed is stored again. One thread.
#include <cstdint>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
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
  Kept(Kept&&) noexcept = default;
  Kept& operator=(Kept&&) noexcept = default;

  const V* find(std::string_view key) const {
    if (index_.empty()) return nullptr;
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &found->second.value->second;
  }
  const std::map<std::string, V>& all() const { return values_; }
  // To be changed; made where it is not there.
  V& at(std::string_view key) { return change(slot_of(key)); }
  // The same, and mostly found again without its key: by a number that stands for no other key.
  V& at(std::uint64_t number, std::string_view key) {
    known_.resize(most_known);
    auto& known = known_[number % most_known];
    if (known.number != number || known.slot == nullptr) known = {number, &slot_of(key)};
    return change(*known.slot);
  }
  void erase(std::string_view key) {
    const auto found = index_.find(key);
    if (found != index_.end()) erase(found->second.value);
  }
  template <class Predicate>
  void erase_if(const Predicate& over) {
    for (auto one = values_.begin(); one != values_.end();)
      one = over(one->second) ? erase(one) : std::next(one);
  }

  // Adds what has changed since the last call.
  void take_changes(std::vector<Cell>& cells) {
    for (const auto& key : changed_) {
      const auto found = index_.find(key);
      if (found == index_.end()) {
        cells.push_back({hash_, key, ""});
      } else if (std::exchange(found->second.changed, false)) {
        cells.push_back(
            {hash_, key,
             nlohmann::json(found->second.value->second).dump(-1, ' ', false, replace)});
      }
    }
    changed_.clear();
  }
  // False: it can't be read.
  bool load(const std::string& key, const std::string& text) {
    try {
      auto value = nlohmann::json::parse(text).get<V>();
      slot_of(key).value->second = std::move(value);
      return true;
    } catch (const nlohmann::json::exception&) {
      return false;
    }
  }
  const std::string& hash() const { return hash_; }

 private:
  using Values = std::map<std::string, V>;
  struct Slot {
    typename Values::iterator value;
    bool changed = false;
  };

  Slot& slot_of(std::string_view key) {
    if (const auto found = index_.find(key); found != index_.end()) return found->second;
    const auto value = values_.try_emplace(std::string(key)).first;
    return index_.emplace(value->first, Slot{value}).first->second;
  }
  V& change(Slot& slot) {
    if (!slot.changed) changed_.push_back(slot.value->first);
    slot.changed = true;
    return slot.value->second;
  }
  typename Values::iterator erase(typename Values::iterator value) {
    known_.clear();
    changed_.push_back(value->first);
    index_.erase(value->first);
    return values_.erase(value);
  }

  static constexpr std::size_t most_known = 8'192;
  static constexpr auto replace = nlohmann::json::error_handler_t::replace;
  std::string hash_;
  Values values_;                                     // in order, so that all go through them alike
  std::unordered_map<std::string_view, Slot> index_;  // by their keys
  std::vector<std::string> changed_;                  // and what was taken out
  struct Known {
    std::uint64_t number = 0;
    Slot* slot = nullptr;
  };
  std::vector<Known> known_;  // each in the place of its number, if not another one's
};

}  // namespace oppen::anomaly
