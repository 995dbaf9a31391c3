#pragma once
// The forms that a value of an event can have in JSON: how it is read into C++, how it is written,
// and what a message says was expected. schemas/describe.hpp puts them together to events. Internal
// to this folder. Pure functions, any thread.
//
// A form has: bool read(const json&, T&, const Place&), which reports what is wrong and then
// returns false; void write(std::string& out, const T&), which appends JSON text; std::string expected();
// bool takes(const T&): whether read takes what write makes of it, without making it.
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "schemas/json_text.hpp"
#include "schemas/names.hpp"
#include "schemas/place.hpp"
#include "schemas/time.hpp"
#include "schemas/units.hpp"

namespace oppen::forms {

using nlohmann::json;

// UTF-8 without NUL of at most `max` characters which passes `check`.
struct Text {
  std::size_t max = std::numeric_limits<std::size_t>::max();
  bool (*check)(std::string_view) = nullptr;
  const char* description = nullptr;
  bool secret = false;

  bool read(const json& value, std::string& into, const Place& place) const;
  void write(std::string& out, const std::string& value) const {
    append_json(out, std::string_view(value));
  }
  bool takes(std::string_view value) const;
  std::string expected() const;
};

// A whole number; 5.0 is none.
struct Whole {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();

  bool read(const json& value, std::int64_t& into, const Place& place) const;
  bool read(const json& value, int& into, const Place& place) const;
  void write(std::string& out, std::int64_t value) const { append_json(out, value); }
  bool takes(std::int64_t value) const { return value >= min && value <= max; }
  std::string expected() const;
};

struct Real {
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
  bool above_min = false;  // min itself is refused

  bool read(const json& value, double& into, const Place& place) const;
  void write(std::string& out, double value) const { append_json(out, value); }
  bool takes(double value) const;
  std::string expected() const;
};

struct Flag {
  bool read(const json& value, bool& into, const Place& place) const;
  void write(std::string& out, bool value) const { append_json(out, value); }
  bool takes(bool) const { return true; }
  std::string expected() const { return "true or false"; }
};

struct Instant {
  bool read(const json& value, Time& into, const Place& place) const;
  void write(std::string& out, Time value) const {
    append_json(out, std::string_view(to_rfc3339(value)));
  }
  bool takes(Time value) const;
  std::string expected() const { return "an RFC 3339 time such as 2026-01-03T18:15:00Z"; }
};

struct Money {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();

  bool read(const json& value, MicroUsd& into, const Place& place) const;
  void write(std::string& out, MicroUsd value) const { append_json(out, value.value); }
  bool takes(MicroUsd value) const { return value.value >= min; }
  std::string expected() const { return Whole{min}.expected() + " (micro-dollars)"; }
};

// Quantity text, also a plain number, into millicores.
struct Cpu {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();

  bool read(const json& value, std::int64_t& into, const Place& place) const;
  void write(std::string& out, std::int64_t value) const {
    append_json(out, std::string_view(format_millicores(value)));
  }
  bool takes(std::int64_t value) const { return value >= min && value <= max; }
  std::string expected() const;
};

// Quantity text, also a plain number, into bytes.
struct Memory {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();

  bool read(const json& value, std::int64_t& into, const Place& place) const;
  void write(std::string& out, std::int64_t value) const {
    append_json(out, std::string_view(format_bytes(value)));
  }
  bool takes(std::int64_t value) const { return value >= min && value <= max; }
  std::string expected() const;
};

// Any JSON object, kept as it is; its text is UTF-8 without NUL.
struct Object {
  bool read(const json& value, json& into, const Place& place) const;
  void write(std::string& out, const json& value) const;
  bool takes(const json& value) const;
  std::string expected() const { return "an object (its text UTF-8 without NUL)"; }
};

// "one of a, b, c"
std::string one_of_text(const std::string_view* begin, const std::string_view* end);

// Text that is one of a few words.
template <std::size_t N>
struct OneOf {
  std::array<std::string_view, N> words;

  bool read(const json& value, std::string& into, const Place& place) const {
    const auto* text = value.get_ptr<const std::string*>();
    for (const std::string_view word : words) {
      if (text != nullptr && *text == word) {
        into = *text;
        return true;
      }
    }
    return place.wrong(value, expected());
  }
  void write(std::string& out, const std::string& value) const {
    append_json(out, std::string_view(value));
  }
  bool takes(std::string_view value) const {
    return std::find(words.begin(), words.end(), value) != words.end();
  }
  std::string expected() const { return one_of_text(words.data(), words.data() + N); }
};
template <class... Words>
constexpr OneOf<sizeof...(Words)> one_of(Words... words) {
  return {{std::string_view(words)...}};
}

// The word of an enumerator.
template <class Enum>
struct Named {
  bool read(const json& value, Enum& into, const Place& place) const {
    if (const auto* text = value.get_ptr<const std::string*>()) {
      if (const auto found = named<Enum>(*text)) {
        into = *found;
        return true;
      }
    }
    return place.wrong(value, expected());
  }
  void write(std::string& out, Enum value) const {
    append_json(out, std::string_view(name_of(value)));
  }
  bool takes(Enum value) const { return static_cast<std::size_t>(value) < names<Enum>.size(); }
  std::string expected() const {
    return one_of_text(names<Enum>.data(), names<Enum>.data() + names<Enum>.size());
  }
};

template <class Form>
struct ListOf {
  Form item;
  std::size_t min = 0;
  std::size_t max = std::numeric_limits<std::size_t>::max();

  template <class T>
  bool read(const json& value, std::vector<T>& into, const Place& place) const {
    if (!value.is_array() || value.size() < min || value.size() > max) {
      return place.wrong(value, expected());
    }
    bool good = true;
    into.clear();
    into.reserve(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) {
      good = item.read(value[i], into.emplace_back(), place.item(i)) && good;
    }
    return good;
  }
  template <class T>
  void write(std::string& out, const std::vector<T>& value) const {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ',';
      item.write(out, value[i]);
    }
    out += ']';
  }
  template <class T>
  bool takes(const std::vector<T>& value) const {
    return value.size() >= min && value.size() <= max &&
           std::all_of(value.begin(), value.end(),
                       [this](const auto& element) { return item.takes(element); });
  }
  std::string expected() const {
    const std::string from = "a list of " + std::to_string(min);
    return max == std::numeric_limits<std::size_t>::max() ? from + " or more"
                                                          : from + " to " + std::to_string(max);
  }
};

// An object whose keys are free within a form of their own.
template <class Form>
struct MapOf {
  Text key;
  Form item;
  std::size_t max = std::numeric_limits<std::size_t>::max();

  template <class T>
  bool read(const json& value, std::map<std::string, T>& into, const Place& place) const {
    if (!value.is_object() || value.size() > max) return place.wrong(value, expected());
    bool good = true;
    into.clear();
    for (const auto& [name, element] : value.items()) {
      const Place here = place.field(name);
      std::string kept;
      good = key.read(name, kept, here) && item.read(element, into[kept], here) && good;
    }
    return good;
  }
  template <class T>
  void write(std::string& out, const std::map<std::string, T>& value) const {
    out += '{';
    for (const auto& [name, element] : value) {
      if (out.back() != '{') out += ',';
      append_json(out, std::string_view(name));
      out += ':';
      item.write(out, element);
    }
    out += '}';
  }
  template <class T>
  bool takes(const std::map<std::string, T>& value) const {
    return value.size() <= max &&
           std::all_of(value.begin(), value.end(), [this](const auto& member) {
             return key.takes(member.first) && item.takes(member.second);
           });
  }
  std::string expected() const {
    return max == std::numeric_limits<std::size_t>::max()
               ? "an object"
               : "an object of at most " + std::to_string(max) + " fields";
  }
};

// The form of a type that needs no limits.
template <class T>
constexpr auto usual_form() {
  if constexpr (std::is_same_v<T, std::string>)
    return Text{};
  else if constexpr (std::is_same_v<T, bool>)
    return Flag{};
  else if constexpr (std::is_integral_v<T>)
    return Whole{};
  else if constexpr (std::is_floating_point_v<T>)
    return Real{};
  else if constexpr (std::is_same_v<T, Time>)
    return Instant{};
  else if constexpr (std::is_same_v<T, MicroUsd>)
    return Money{};
  else if constexpr (std::is_same_v<T, json>)
    return Object{};
  else if constexpr (std::is_same_v<T, std::vector<std::string>>)
    return ListOf<Text>{};
  else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>)
    return MapOf<Text>{};
  else if constexpr (std::is_enum_v<T>)
    return Named<T>{};
}

// The forms of the contract's names.
extern const Text id;           // of a job or batch
extern const Text some;         // not empty
extern const Text label_value;  // may be empty
extern const Text model_type;   // a label value that is not empty

inline constexpr Whole at_least(std::int64_t min) { return {min}; }
inline constexpr Whole between(std::int64_t min, std::int64_t max) { return {min, max}; }
inline constexpr Real not_negative{0};
inline constexpr Money no_debt{0};

}  // namespace oppen::forms
