#pragma once
// Reading JSON that someone else wrote: what is absent or of another type reads as nothing, and
// nothing throws.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace oppen::kube {

using Json = nlohmann::json;

// The member, or null.
inline const Json& member(const Json& object, const char* key) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

// The elements of an array member, or none.
inline const Json& elements(const Json& object, const char* key) {
  static const Json none = Json::array();
  const Json& found = member(object, key);
  return found.is_array() ? found : none;
}

inline std::string text(const Json& object, const char* key) {
  const Json& found = member(object, key);
  return found.is_string() ? found.get<std::string>() : "";
}

inline std::optional<std::int64_t> whole_number(const Json& object, const char* key) {
  const Json& found = member(object, key);
  if (!found.is_number_integer()) return std::nullopt;
  return found.get<std::int64_t>();
}

inline bool flag(const Json& object, const char* key) {
  const Json& found = member(object, key);
  return found.is_boolean() && found.get<bool>();
}

}  // namespace oppen::kube
