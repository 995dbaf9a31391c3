#include "producers/agent/schema_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "schemas/text.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;

constexpr std::size_t most_faults = 20;

std::string json_text(const json& value) {
  return shortened(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

bool is_whole(const json& value) {
  return value.is_number_integer() ||
         (value.is_number_float() && std::trunc(value.get<double>()) == value.get<double>());
}

bool has_type(const std::string& type, const json& value) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return is_whole(value);
  return value.is_number();
}

// " from 1 to 10", " of at least 0", ""
std::string bounds(const json& schema, const char* low, const char* high) {
  const auto least = schema.find(low);
  const auto most = schema.find(high);
  if (least != schema.end() && most != schema.end())
    return " from " + least->dump() + " to " + most->dump();
  if (least != schema.end()) return " of at least " + least->dump();
  return most != schema.end() ? " of at most " + most->dump() : "";
}

std::string expected_text(const json& schema) {
  if (schema.contains("enum")) {
    std::string list;
    for (const json& one : schema["enum"]) list += (list.empty() ? "" : ", ") + one.dump();
    return "one of " + list;
  }
  const auto type = schema.value("type", "");
  if (type == "integer") return "a whole number" + bounds(schema, "minimum", "maximum");
  if (type == "number") return "a number" + bounds(schema, "minimum", "maximum");
  if (type == "boolean") return "true or false";
  if (type == "object") return "an object";
  if (type == "array") {
    const auto count = bounds(schema, "minItems", "maxItems");
    return count.empty() ? "a list" : "a list with a length" + count;
  }
  const auto length = bounds(schema, "minLength", "maxLength");
  return length.empty() ? "text" : "text with a length" + length;
}

bool is_within(double value, const json& schema, const char* low, const char* high) {
  const auto least = schema.find(low);
  const auto most = schema.find(high);
  return (least == schema.end() || value >= least->get<double>()) &&
         (most == schema.end() || value <= most->get<double>());
}

bool fits(const json& schema, const json& value) {
  if (!has_type(schema.value("type", ""), value)) return false;
  if (schema.contains("enum")) {
    const json& all = schema["enum"];
    if (std::find(all.begin(), all.end(), value) == all.end()) return false;
  }
  if (value.is_number()) return is_within(value.get<double>(), schema, "minimum", "maximum");
  if (value.is_string()) {
    const auto length = utf8_length(value.get_ref<const std::string&>());
    return length && is_within(static_cast<double>(*length), schema, "minLength", "maxLength");
  }
  if (value.is_array())
    return is_within(static_cast<double>(value.size()), schema, "minItems", "maxItems");
  return true;
}

class Check {
 public:
  void look(const json& schema, const json& value, const std::string& path) {
    if (faults_.size() >= most_faults) return;
    if (!fits(schema, value)) {
      add(path.empty() ? "the arguments" : path, json_text(value), expected_text(schema));
    } else if (value.is_object()) {
      members(schema, value, path);
    } else if (value.is_array() && schema.contains("items")) {
      for (std::size_t i = 0; i < value.size(); ++i)
        look(schema["items"], value[i], fmt::format("{}[{}]", path, i));
    }
  }
  FieldErrors take() { return std::move(faults_); }

 private:
  void members(const json& schema, const json& value, const std::string& path) {
    const std::string prefix = path.empty() ? "" : path + ".";
    const json known = schema.value("properties", json::object());
    for (const auto& [name, member] : value.items()) {
      if (faults_.size() >= most_faults) return;
      if (const auto found = known.find(name); found != known.end()) {
        look(*found, member, prefix + name);
      } else if (schema.value("additionalProperties", true) == false) {
        std::string list;
        for (const auto& [other, ignored] : known.items())
          list += (list.empty() ? "" : ", ") + other;
        add(prefix + shortened(name), json_text(member),
            "no such field (there are " + (list.empty() ? "none" : list) + ")");
      }
    }
    for (const json& name : schema.value("required", json::array())) {
      const auto& text = name.get_ref<const std::string&>();
      if (!value.contains(text)) add(prefix + text, "", expected_text(known.at(text)));
    }
  }

  void add(std::string path, std::string value, std::string expected) {
    if (faults_.size() < most_faults)
      faults_.push_back({std::move(path), std::move(value), std::move(expected)});
  }

  FieldErrors faults_;
};

}  // namespace

FieldErrors check_schema(const json& schema, const json& value) {
  Check check;
  check.look(schema, value, "");
  return check.take();
}

void fill_defaults(const json& schema, json& object) {
  for (const auto& [name, property] : schema.at("properties").items()) {
    if (property.contains("default") && !object.contains(name)) object[name] = property["default"];
  }
}

}  // namespace oppen::agent
