#include "workers/cost/recommend/command.hpp"

#include <fmt/format.h>

#include "schemas/text.hpp"
#include "workers/cost/recommend/followed.hpp"

namespace oppen::cost {
namespace {

using nlohmann::json;

constexpr std::string_view harmless =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+";

// A word of a shell.
std::string word(const std::string& text) {
  if (!text.empty() && text.find_first_not_of(harmless) == std::string::npos) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// With `=`, so that a value that begins with a dash is one.
void option(std::string& command, const char* flag, const json& value) {
  command += fmt::format(" --{}={}", flag, word(text_of(value)));
}

// A run from outside may name what a job can't have: that is left out.
json fields_of(const RunRecord& run) {
  json fields = json::object();
  const auto put = [&fields](const char* field, const std::string& value) {
    if (!value.empty() && is_label_value(value)) fields[field] = value;
  };
  put("model_type", run.model_type);
  if (const auto name = own_name(run); !name.empty()) fields["name"] = name;
  for (const char* const type : {"training", "inference", "batch"})
    if (run.workload_type == type) fields["workload_type"] = type;
  put("team", run.team);
  put("project", run.project);
  put("user", run.user);
  fields["priority"] = to_string(run.priority);
  if (run.epochs > 0) fields["epochs"] = run.epochs;
  if (run.batch_size > 0) fields["batch_size"] = run.batch_size;
  const auto& resources = run.resources;
  if (resources.gpu_share) {
    fields["gpu_share"] = *resources.gpu_share;
  } else {
    fields["gpus"] = resources.gpus;
  }
  put("gpu_type", resources.gpu_type);
  if (resources.cpu_millicores > 0) fields["cpu"] = format_millicores(resources.cpu_millicores);
  if (resources.memory_bytes > 0) fields["memory"] = format_bytes(resources.memory_bytes);
  if (run.spot) fields["spot"] = true;
  return fields;
}

}  // namespace

std::string submit_command(const RunRecord& run, const json& changes) {
  json fields = fields_of(run);
  if (!fields.contains("model_type")) return "";  // no job can have that one
  fields.update(changes);
  if (changes.contains("gpu_share")) fields.erase("gpus");
  static constexpr std::pair<const char*, const char*> flags[] = {
      {"model_type", "model-type"},
      {"name", "name"},
      {"workload_type", "workload-type"},
      {"team", "team"},
      {"project", "project"},
      {"user", "user"},
      {"priority", "priority"},
      {"epochs", "epochs"},
      {"batch_size", "batch-size"},
      {"gpus", "gpus"},
      {"gpu_share", "gpu-share"},
      {"gpu_type", "gpu-type"},
      {"cpu", "cpu"},
      {"memory", "memory"},
      {"window", "window"}};
  std::string command = "oppen submit";
  for (const auto& [field, flag] : flags)
    if (fields.contains(field)) option(command, flag, fields[field]);
  if (fields.contains("env")) {
    for (const auto& [name, value] : fields["env"].items())
      option(command, "env", name + "=" + text_of(value));
  }
  if (fields.value("spot", false)) command += " --spot";
  return command;
}

}  // namespace oppen::cost
