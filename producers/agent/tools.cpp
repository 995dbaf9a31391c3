#include "producers/agent/tools.hpp"

#include <cmath>
#include <utility>

#include "producers/access/console_api.hpp"
#include "producers/access/event_text.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;

json any_object(json properties, const std::vector<std::string>& required) {
  json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = required;
  return schema;
}

}  // namespace

json object_schema(json properties, const std::vector<std::string>& required) {
  json schema = any_object(std::move(properties), required);
  schema["additionalProperties"] = false;
  return schema;
}

json told_schema(json properties, const std::vector<std::string>& required) {
  return any_object(std::move(properties), required);
}

json days_schema(json properties) {
  properties["team"] = {{"type", "string"}, {"maxLength", 63}};
  properties["model_type"] = {{"type", "string"}, {"maxLength", 63}};
  return object_schema(std::move(properties));
}

json limit_schema(int by_default, int most, const std::string& what) {
  return {{"type", "integer"},
          {"minimum", 1},
          {"maximum", most},
          {"default", by_default},
          {"description", what}};
}

json job_schema() {
  return object_schema(json::parse(R"json({
  "job_id": {"type": "string", "minLength": 1, "maxLength": 50, "description": "An id of your own (lower case letters, digits and -): submitting it again does nothing more. Without it one is made."},
  "name": {"type": "string", "maxLength": 200, "description": "A name for people."},
  "model_type": {"type": "string", "minLength": 1, "maxLength": 63, "description": "The entry of the model catalogue, such as mnist."},
  "workload_type": {"type": "string", "enum": ["training", "inference", "batch"]},
  "priority": {"type": "string", "enum": ["urgent", "normal", "background"], "description": "urgent goes first and costs more, background goes last and costs less. Default normal."},
  "epochs": {"type": "integer", "minimum": 1, "maximum": 1000000},
  "batch_size": {"type": "integer", "minimum": 1, "maximum": 10000000},
  "resources": {"type": "object", "additionalProperties": false, "description": "What is absent is the catalogue's.", "properties": {
    "gpus": {"type": "integer", "minimum": 0, "maximum": 64},
    "gpu_share": {"type": "number", "minimum": 0, "maximum": 1, "description": "A part of one GPU, instead of gpus."},
    "gpu_type": {"type": "string", "maxLength": 63, "description": "Such as T4, V100 or A100."},
    "cpu": {"type": "string", "maxLength": 30, "description": "Cores: 2, or 500m."},
    "memory": {"type": "string", "maxLength": 30, "description": "Such as 2Gi."}}},
  "team": {"type": "string", "maxLength": 63, "description": "Who pays."},
  "project": {"type": "string", "maxLength": 63},
  "user": {"type": "string", "maxLength": 63},
  "spot": {"type": "boolean", "description": "Take cheap nodes that may be taken away."},
  "window": {"type": "string", "enum": ["any", "off_peak"], "description": "off_peak holds it until the cheap hours."},
  "max_runtime_seconds": {"type": "integer", "minimum": 1, "maximum": 31536000},
  "max_retries": {"type": "integer", "minimum": 0, "maximum": 100},
  "after": {"type": "array", "maxItems": 100, "items": {"type": "string", "maxLength": 50}, "description": "Jobs that must succeed first."}
})json"),
                       {"model_type"});
}

MicroUsd micro_usd(const json& dollars) { return {std::llround(dollars.get<double>() * 1e6)}; }

std::string day_text(Time now, int days_ago) {
  return to_rfc3339(now - std::chrono::days{days_ago}).substr(0, 10);
}

tl::unexpected<Failure> refused_by(const json& answer) {
  const json error = answer.value("error", json::object());
  const bool refused = access::text_field(error, "code") == to_string(ErrorKind::refused);
  Failure failure{refused ? ErrorKind::refused : ErrorKind::invalid,
                  access::text_field(error, "message", "the console refuses it")};
  for (const json& fault : error.value("errors", json::array()))
    failure.message += "; " + access::fault_text(fault);
  return tl::unexpected(std::move(failure));
}

std::string text_of(const json& arguments, const char* name) {
  return access::text_field(arguments, name);
}

std::int64_t whole_of(const json& object, const char* name) {
  return std::llround(access::number_field(object, name));
}

std::string query(const std::string& path,
                  const std::vector<std::pair<const char*, std::string>>& parameters) {
  std::string out = path;
  char mark = '?';
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    out += std::string(1, std::exchange(mark, '&')) + name + "=" + access::escaped(value);
  }
  return out;
}

}  // namespace oppen::agent
