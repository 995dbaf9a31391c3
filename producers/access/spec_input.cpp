#include "producers/access/spec_input.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string_view>

#include "schemas/cloud_event.hpp"
#include "schemas/parse.hpp"
#include "schemas/text.hpp"

namespace oppen::access {
namespace {

using nlohmann::json;

// "resources.gpus" -> spec["resources"]["gpus"]
json& at(json& spec, const std::string& path) {
  const auto dot = path.find('.');
  if (dot == std::string::npos) return spec[path];
  json& inner = spec[path.substr(0, dot)];
  if (!inner.is_object()) inner = json::object();
  return inner[path.substr(dot + 1)];
}

void put_pairs(json& spec, const char* field, const std::vector<std::string>& pairs,
               FieldErrors& errors) {
  for (const std::string& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      errors.push_back({field, json(shortened(pair)).dump(), "KEY=VALUE"});
    } else {
      json& map = spec[field];
      if (!map.is_object()) map = json::object();
      map[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
  }
}

// Events ignore what they don't know; a person has mistyped it.
void check_names(const json& object, const std::string& prefix,
                 const std::set<std::string_view>& known, FieldErrors& errors) {
  if (!object.is_object()) return;
  for (const auto& [name, value] : object.items()) {
    if (known.contains(name)) continue;
    std::string list;
    for (const std::string_view word : known)
      list += (list.empty() ? "" : ", ") + std::string(word);
    errors.push_back({prefix + shortened(name),
                      shortened(value.dump(-1, ' ', false, json::error_handler_t::replace)),
                      "no such field (there are " + list + ")"});
  }
}

void check_spec_names(const json& spec, const std::string& prefix, FieldErrors& errors) {
  static const std::set<std::string_view> fields = {
      "job_id",      "name",       "model_type", "workload_type", "priority",
      "epochs",      "batch_size", "resources",  "image",         "command",
      "args",        "env",        "secrets",    "team",          "project",
      "user",        "labels",     "spot",       "window",        "max_runtime_seconds",
      "max_retries", "after",      "preemptible"};
  static const std::set<std::string_view> resources = {"gpus", "gpu_share", "gpu_type", "cpu",
                                                       "memory"};
  check_names(spec, prefix, fields, errors);
  if (spec.is_object() && spec.contains("resources")) {
    check_names(spec["resources"], prefix + "resources.", resources, errors);
  }
}

tl::unexpected<FieldErrors> fault(std::string path, std::string value, std::string expected) {
  return tl::unexpected(FieldErrors{{std::move(path), std::move(value), std::move(expected)}});
}

// JSON lines; blank ones don't count.
tl::expected<json, FieldErrors> parse_lines(const std::string& text) {
  json jobs = json::array();
  FieldErrors errors;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto job = parse_event_data(line);
    if (job) {
      jobs.push_back(*std::move(job));
      continue;
    }
    errors.push_back({"line " + std::to_string(number),
                      json(shortened(line)).dump(-1, ' ', false, json::error_handler_t::replace),
                      "a JSON object of at most 32 levels (one job a line, or the whole file as "
                      "one JSON array)"});
  }
  if (!errors.empty()) return tl::unexpected(errors);
  return jobs;
}

// The whole as an object {"batch_id"?,"jobs",...}.
tl::expected<json, FieldErrors> parse_batch_text(const std::string& text) {
  auto whole = parse_event_data(text);
  if (whole && whole->is_object() && whole->contains("jobs")) return *std::move(whole);
  if (whole && whole->is_array()) return json{{"jobs", *std::move(whole)}};
  auto jobs = parse_lines(text);
  if (!jobs) return tl::unexpected(jobs.error());
  return json{{"jobs", *std::move(jobs)}};
}

}  // namespace

tl::expected<json, FieldErrors> with_flags(json spec, const SpecFlags& flags) {
  for (const auto& [path, value] : flags.texts) at(spec, path) = value;
  for (const auto& [path, value] : flags.numbers) {
    if (std::trunc(value) == value && std::abs(value) < 9e15) {
      at(spec, path) = static_cast<std::int64_t>(value);
    } else {
      at(spec, path) = value;
    }
  }
  for (const auto& [path, value] : flags.switches) at(spec, path) = value;
  for (const auto& [path, value] : flags.lists) at(spec, path) = value;
  FieldErrors errors;
  put_pairs(spec, "env", flags.env, errors);
  put_pairs(spec, "labels", flags.labels, errors);
  if (!errors.empty()) return tl::unexpected(errors);
  return spec;
}

tl::expected<JobSubmit, FieldErrors> checked_job(json spec) {
  if (!spec.is_object())
    return fault("the job", shortened(spec.dump()), "a JSON object with a job spec");
  FieldErrors errors;
  check_spec_names(spec, "", errors);
  if (!spec.contains("job_id")) {
    const bool named = spec.contains("model_type") && spec["model_type"].is_string();
    spec["job_id"] = make_job_id(named ? spec["model_type"].get<std::string>() : "job");
  }
  auto job = parse_data<JobSubmit>(spec);
  if (!job) errors.insert(errors.end(), job.error().begin(), job.error().end());
  if (!errors.empty()) return tl::unexpected(errors);
  return *job;
}

tl::expected<BatchSubmit, FieldErrors> checked_batch(const std::string& text,
                                                     const BatchOptions& options) {
  auto parsed = parse_batch_text(text);
  if (!parsed) return tl::unexpected(parsed.error());
  json& batch = *parsed;
  if (!options.batch_id.empty()) batch["batch_id"] = options.batch_id;
  if (!batch.contains("batch_id")) batch["batch_id"] = make_job_id("batch");
  if (options.max_total) batch["max_total_microusd"] = options.max_total->value;

  FieldErrors errors;
  check_names(batch, "", {"batch_id", "jobs", "max_total_microusd"}, errors);
  json& jobs = batch["jobs"];
  std::set<std::string> seen;
  for (std::size_t i = 0; jobs.is_array() && i < jobs.size(); ++i) {
    const std::string here = "jobs[" + std::to_string(i) + "]";
    json& job = jobs[i];
    if (!job.is_object()) continue;  // said below
    check_spec_names(job, here + ".", errors);
    if (!job.contains("job_id") && batch["batch_id"].is_string()) {
      job["job_id"] = batch["batch_id"].get<std::string>() + "-" + std::to_string(i + 1);
    }
    if (!job.contains("job_id") || !job["job_id"].is_string()) continue;
    if (!seen.insert(job["job_id"]).second) {
      errors.push_back(
          {here + ".job_id", job["job_id"].dump(), "an id that no other job of the batch has"});
    }
  }
  auto read = parse_data<BatchSubmit>(batch);
  if (!read) errors.insert(errors.end(), read.error().begin(), read.error().end());
  if (!errors.empty()) return tl::unexpected(errors);
  return *std::move(read);
}

std::string retry_id(const std::string& job_id) {
  constexpr std::string_view mark = "-retry-";
  std::string stem = job_id;
  std::string number = "1";
  const auto at = job_id.rfind(mark);
  const auto digits = at == std::string::npos ? "" : job_id.substr(at + mark.size());
  if (!digits.empty() && digits.size() < 6 &&
      digits.find_first_not_of("0123456789") == std::string::npos) {
    stem = job_id.substr(0, at);
    number = std::to_string(std::stoi(digits) + 1);
  }
  const auto ending = std::string(mark) + number;
  stem = stem.substr(0, max_id_length - ending.size());
  while (stem.ends_with('-')) stem.pop_back();
  return stem + ending;
}

}  // namespace oppen::access
