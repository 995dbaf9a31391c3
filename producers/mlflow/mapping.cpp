#include "producers/mlflow/mapping.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "schemas/names.hpp"
#include "schemas/parse.hpp"
#include "schemas/text.hpp"

namespace oppen::mlflow {
namespace {

using nlohmann::json;

constexpr std::size_t max_sources = 32;  // of a field, and of names of a metric
constexpr std::size_t max_metrics = 200;

constexpr std::string_view usual_table = R"({
  "fields": {
    "job_id": ["tag:oppen.job_id"],
    "attempt": ["tag:oppen.attempt"],
    "model_type": ["tag:model_type", "param:model_type", "param:model"],
    "workload_type": ["tag:workload_type", "param:workload_type", "value:training"],
    "epochs": ["param:epochs", "param:num_epochs", "param:max_epochs", "param:num_train_epochs"],
    "batch_size": ["param:batch_size", "param:train_batch_size", "param:per_device_train_batch_size"],
    "precision": ["param:precision", "tag:precision"],
    "gpu_type": ["tag:gpu_type", "param:gpu_type"],
    "gpus": ["tag:gpus", "param:gpus", "param:num_gpus", "value:1"],
    "priority": ["tag:priority", "param:priority", "value:normal"],
    "spot": ["tag:spot", "param:spot", "value:false"],
    "team": ["tag:team", "param:team", "value:"],
    "project": ["tag:project", "param:project", "value:"],
    "baseline_metric": ["tag:baseline_metric", "param:baseline_metric"],
    "epoch": ["metric:epoch"],
    "epoch_seconds": ["metric:epoch_seconds"]
  },
  "metrics": {
    "accuracy": ["accuracy", "test_accuracy", "val_accuracy", "eval_accuracy"],
    "loss": ["loss", "train_loss"],
    "val_loss": ["val_loss", "eval_loss"],
    "latency_p99_ms": ["latency_p99_ms"],
    "inferences_per_second": ["inferences_per_second"]
  }
}
)";

std::string shown(std::string_view text) {
  return json(shortened(text)).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

// "10" and "10.0", as Python writes what was given as a float.
std::optional<int> whole(std::string_view text) {
  const auto value = number(text);
  if (!value || *value != std::floor(*value) ||
      std::abs(*value) > std::numeric_limits<int>::max()) {
    return std::nullopt;
  }
  return static_cast<int>(*value);
}

// 1.7: the first one is finished.
std::optional<int> epochs_done(std::string_view text) {
  const auto value = number(text);
  if (!value || *value < 0 || *value > std::numeric_limits<int>::max()) return std::nullopt;
  return static_cast<int>(*value);
}

std::optional<bool> flag(std::string_view text) {
  if (text == "true" || text == "True" || text == "1") return true;
  if (text == "false" || text == "False" || text == "0") return false;
  return std::nullopt;
}

constexpr auto expected_label =
    "a Kubernetes label value (at most 63 of [A-Za-z0-9_.-], beginning and ending with a letter or "
    "digit)";

// Of the years 1970 to 9999, which is all that the events can say.
std::optional<Time> time_of(std::int64_t since_1970_ms) {
  constexpr std::int64_t year_10000_ms = 253'402'300'800'000;
  if (since_1970_ms <= 0 || since_1970_ms >= year_10000_ms) return std::nullopt;
  return Time(std::chrono::milliseconds(since_1970_ms));
}

}  // namespace

std::string Mapping::Source::text() const {
  constexpr const char* kinds[] = {"param", "tag", "metric", "value"};
  return fmt::format("{}:{}", kinds[static_cast<std::size_t>(kind)], name);
}

// Reads the fields of one run; what is wrong is added to the errors.
class Mapping::Reader {
 public:
  Reader(const Mapping& mapping, const Run& run) : mapping_(mapping), run_(run) {}

  FieldErrors errors;

  struct Found {
    std::string text;
    std::string where;  // "epochs (param:epochs)"
  };

  // An empty parameter or tag is none.
  std::optional<Found> find(const std::string& field) const {
    for (const auto& source : sources(field)) {
      const auto found = [&](std::string text) {
        return Found{std::move(text), fmt::format("{} ({})", field, source.text())};
      };
      switch (source.kind) {
        case Source::Kind::value:
          return found(source.name);
        case Source::Kind::metric:
          if (const auto metric = run_.metrics.find(source.name); metric != run_.metrics.end())
            return found(fmt::format("{}", metric->second.value));
          break;
        case Source::Kind::param:
        case Source::Kind::tag: {
          const auto& texts = source.kind == Source::Kind::param ? run_.params : run_.tags;
          const auto text = texts.find(source.name);
          if (text != texts.end() && !text->second.empty()) return found(text->second);
          break;
        }
      }
    }
    return std::nullopt;
  }

  // `parse` gives an optional. What is absent leaves `value` as it is.
  template <class Value, class Parse>
  void optional(const std::string& field, Value& value, Parse parse, const char* expected) {
    const auto found = find(field);
    if (!found) return;
    if (auto parsed = parse(std::string_view(found->text))) {
      value = *parsed;
    } else {
      errors.push_back({found->where, shown(found->text), expected});
    }
  }
  template <class Value, class Parse>
  void required(const std::string& field, Value& value, Parse parse, const char* expected) {
    if (find(field)) {
      optional(field, value, parse, expected);
    } else {
      missing(field, expected);
    }
  }

  void missing(const std::string& field, const std::string& expected) {
    std::string places;
    for (const auto& source : sources(field))
      places += (places.empty() ? " in " : " or ") + source.text();
    errors.push_back({field, "", expected + places});
  }

  // Both, or neither: it is them together that count once.
  template <class Attempt>
  void tie(std::string& job_id, Attempt& attempt) {
    const auto is_job = [](std::string_view text) {
      return is_dns_label(text, max_id_length) ? std::optional(std::string(text)) : std::nullopt;
    };
    const auto is_attempt = [](std::string_view text) {
      const auto value = whole(text);
      return value && *value >= 1 ? value : std::nullopt;
    };
    optional("job_id", job_id, is_job, "a job id (a DNS-1123 label of at most 50 characters)");
    optional("attempt", attempt, is_attempt, "a whole number from 1");
    if (find("job_id") && !find("attempt"))
      missing("attempt", "a whole number from 1, since the run is of a job,");
    if (find("attempt") && !find("job_id"))
      missing("job_id", "a job id, since the run is of an attempt,");
  }

  void required_time(const char* field, std::int64_t since_1970_ms, Time& time) {
    if (const auto read = time_of(since_1970_ms)) {
      time = *read;
    } else if (since_1970_ms == 0) {
      errors.push_back({field, "", "milliseconds since 1970 in MLflow's own field of the run"});
    } else {
      errors.push_back(
          {field, std::to_string(since_1970_ms), "milliseconds since 1970, before the year 10000"});
    }
  }

  // What is not finite can't be told.
  json metrics() const {
    auto told = json::object();
    for (const auto& [ours, names] : mapping_.metrics_) {
      for (const auto& name : names) {
        const auto found = run_.metrics.find(name);
        if (found == run_.metrics.end()) continue;
        if (std::isfinite(found->second.value)) told[ours] = found->second.value;
        break;
      }
    }
    return told;
  }

  // When something was last measured.
  std::int64_t newest_ms() const {
    auto newest = run_.start_time_ms;
    for (const auto& [name, metric] : run_.metrics) newest = std::max(newest, metric.timestamp_ms);
    return newest;
  }

  // What is left to check is what any reader of the event checks.
  template <class Event>
  tl::expected<Event, FieldErrors> checked(const Event& event) {
    if (!errors.empty()) return tl::unexpected(std::move(errors));
    return parse_data<Event>(to_data(event));
  }

 private:
  const std::vector<Source>& sources(const std::string& field) const {
    static const std::vector<Source> none;
    const auto found = mapping_.fields_.find(field);
    return found == mapping_.fields_.end() ? none : found->second;
  }

  const Mapping& mapping_;
  const Run& run_;
};

tl::expected<RunCompleted, FieldErrors> Mapping::completed(const Run& run) const {
  const auto text = [](std::string_view value) { return std::optional(std::string(value)); };
  const auto label = [](std::string_view value) {
    return is_label_value(value) ? std::optional(std::string(value)) : std::nullopt;
  };
  const auto full_label = [&](std::string_view value) {
    return value.empty() ? std::nullopt : label(value);
  };
  const auto workload = [](std::string_view value) {
    return value == "training" || value == "inference" || value == "batch"
               ? std::optional(std::string(value))
               : std::nullopt;
  };
  const auto amount = [](std::string_view value) {
    const auto read = whole(value);
    return read && *read >= 0 ? read : std::nullopt;
  };
  Reader reader(*this, run);
  RunCompleted event;
  event.run_id = run.id;
  // One that was killed has not done what it was begun for.
  event.status = run.status == "FINISHED" ? "succeeded" : "failed";
  reader.tie(event.job_id, event.attempt);
  reader.required("model_type", event.model_type, full_label, expected_label);
  reader.required("workload_type", event.workload_type, workload, "training, inference or batch");
  reader.required("epochs", event.epochs, amount, "a whole number from 0");
  reader.required("batch_size", event.batch_size, amount, "a whole number from 0");
  reader.optional("precision", event.precision, text, "text");
  reader.optional("gpu_type", event.gpu_type, text, "text");
  reader.required("gpus", event.gpus, amount, "a whole number from 0");
  reader.required("priority", event.priority, named<Priority>, "urgent, normal or background");
  reader.required("spot", event.spot, flag, "true or false");
  reader.required("team", event.team, label, expected_label);
  reader.required("project", event.project, label, expected_label);
  reader.optional("baseline_metric", event.baseline_metric, number, "a number");
  reader.required_time("start_time", run.start_time_ms, event.started_at);
  reader.required_time("end_time", run.end_time_ms, event.ended_at);
  event.duration_seconds = Seconds(event.ended_at - event.started_at).count();
  if (run.end_time_ms > 0 && run.end_time_ms < run.start_time_ms) {
    reader.errors.push_back({"end_time", std::to_string(run.end_time_ms),
                             fmt::format("no time before start_time, {}", run.start_time_ms)});
  }
  event.metrics = reader.metrics();
  return reader.checked(event);
}

tl::expected<std::optional<RunProgress>, FieldErrors> Mapping::progress(const Run& run) const {
  const auto seconds = [](std::string_view text) {
    const auto value = number(text);
    return value && *value >= 0 ? value : std::nullopt;
  };
  Reader reader(*this, run);
  RunProgress event;
  event.run_id = run.id;
  reader.tie(event.job_id, event.attempt);
  if (event.job_id.empty() && reader.errors.empty()) return std::nullopt;
  reader.optional("epoch", event.epoch, epochs_done, "a number from 0");
  reader.optional("epochs", event.epochs, epochs_done, "a number from 0");
  reader.optional("epoch_seconds", event.epoch_seconds, seconds, "a number from 0");
  reader.required_time("start_time", reader.newest_ms(), event.at);
  event.metrics = reader.metrics();
  auto checked = reader.checked(event);
  if (!checked) return tl::unexpected(std::move(checked.error()));
  return std::optional(std::move(*checked));
}

std::optional<Outcome> Mapping::outcome(const Run& run) const {
  Reader reader(*this, run);
  std::string job_id;
  int attempt = 0;
  reader.tie(job_id, attempt);
  if (!reader.errors.empty()) return std::nullopt;
  Outcome outcome;
  outcome.attempt = job_id.empty() ? run.id : fmt::format("{}/{}", job_id, attempt);
  reader.optional("epochs", outcome.epochs, whole, "");
  // One that was stopped early has finished fewer than it was to.
  int finished = 0;
  reader.optional("epoch", finished, epochs_done, "");
  if (finished > 0) outcome.epochs = finished;
  std::optional<double> baseline;
  reader.optional("baseline_metric", baseline, number, "");
  const auto metrics = reader.metrics();
  const auto accuracy = metrics.find("accuracy");
  if (baseline && *baseline != 0 && accuracy != metrics.end()) {
    outcome.improvement_percent = 100 * (accuracy->get<double>() - *baseline) / std::abs(*baseline);
  }
  return outcome;
}

std::string_view Mapping::usual_text() { return usual_table; }

Mapping Mapping::usual() {
  Mapping mapping;
  if (const auto added = mapping.add(usual_table); !added)
    throw std::logic_error(added.error().message);
  return mapping;
}

Result<Mapping> Mapping::parse(std::string_view text) {
  auto mapping = usual();
  if (auto added = mapping.add(text); !added) return fail(added.error());
  return mapping;
}

Result<Mapping> Mapping::from_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad())
    return fail(ErrorKind::invalid, "--mapping " + path + " can't be read");
  auto mapping = parse(text);
  if (!mapping) return fail(Error{ErrorKind::invalid, path + ": " + mapping.error().message});
  return mapping;
}

Status Mapping::add(std::string_view text) {
  const auto wrong = [](const std::string& place, const json& value, const std::string& expected) {
    return fail(
        ErrorKind::invalid,
        FieldError{place, shown(value.is_string() ? value.get<std::string>() : value.dump()),
                   expected}
            .sentence());
  };
  // A list of texts at `place`.
  const auto texts = [&](const std::string& place,
                         const json& value) -> Result<std::vector<std::string>> {
    if (!value.is_array() || value.size() > max_sources)
      return wrong(place, value, fmt::format("a list of at most {} texts", max_sources));
    std::vector<std::string> read;
    for (const auto& item : value) {
      if (!item.is_string()) return wrong(place, item, "a text");
      read.push_back(item);
    }
    return read;
  };
  const auto table = json::parse(text, nullptr, false);
  if (!table.is_object()) return fail(ErrorKind::invalid, "the mapping is not a JSON object");
  for (const auto& [part, entries] : table.items()) {
    if (part != "fields" && part != "metrics")
      return wrong(part, entries, "\"fields\" or \"metrics\"");
    if (!entries.is_object()) return wrong(part, entries, "an object");
    if (entries.size() > max_metrics)
      return wrong(part, entries.size(), fmt::format("at most {} entries", max_metrics));
    const bool first = fields_.empty();
    for (const auto& [name, value] : entries.items()) {
      const auto place = part + "." + name;
      auto read = texts(place, value);
      if (!read) return fail(read.error());
      if (part == "metrics") {
        metrics_[name] = std::move(*read);
        continue;
      }
      std::vector<Source> sources;
      for (const auto& source : *read) {
        using Kind = Source::Kind;
        const auto colon = source.find(':');
        const auto kind = source.substr(0, colon);
        const std::map<std::string, Kind> kinds = {{"param", Kind::param},
                                                   {"tag", Kind::tag},
                                                   {"metric", Kind::metric},
                                                   {"value", Kind::value}};
        if (colon == std::string::npos || !kinds.contains(kind))
          return wrong(place, source, "param:NAME, tag:NAME, metric:NAME or value:TEXT");
        sources.push_back({kinds.at(kind), source.substr(colon + 1)});
      }
      if (!first && !fields_.contains(name))
        return wrong(place, value,
                     "a field that the bridge knows: see oppen-mlflow --print-mapping");
      fields_[name] = std::move(sources);
    }
  }
  return {};
}

}  // namespace oppen::mlflow
