#include "workers/cost/ledger/report.hpp"

#include <algorithm>
#include <utility>

#include "schemas/parse.hpp"
#include "schemas/text.hpp"
#include "workers/cost/books/charge_rows.hpp"

namespace oppen::cost {
namespace {

using nlohmann::json;

constexpr std::size_t most_metrics = 50;
constexpr std::size_t longest_metric = 200;
// Of a run from outside, which nobody has admitted. The sums of a day stay far from what 64 bits hold.
constexpr int most_gpus = 10'000;
constexpr std::int64_t most_millicores = 1'000'000'000;
constexpr std::int64_t most_memory_bytes = std::int64_t{1} << 53;
// As of a label's value in Kubernetes: of these texts the rows of a day are made.
constexpr std::size_t longest_text = 63;

// Numbers and short text; the rest is nobody's to compare, and would be written again with each charge.
void add_metrics(json& into, const json& metrics) {
  for (const auto& [name, value] : metrics.items()) {
    const bool fits =
        value.is_number() || value.is_boolean() ||
        (value.is_string() && value.get_ref<const std::string&>().size() <= longest_metric);
    if (!fits || name.size() > longest_metric) continue;
    if (into.size() < most_metrics || into.contains(name)) into[name] = value;
  }
}

void add_epoch_seconds(Run& run, double seconds) {
  run.tells_epochs = true;
  run.new_epoch_seconds.push_back(seconds);
}

void add_accuracy(Run& run, const json& metrics) {
  const auto told = metrics.find("accuracy");
  if (told == metrics.end() || !told->is_number()) return;
  run.tells_accuracies = true;
  run.new_accuracies.push_back(told->get<double>());
}

// The epochs of this attempt are told from now on, no others'. False: a later attempt's are.
bool epochs_of(Run& run, int attempt) {
  if (attempt < run.epochs_attempt) return false;
  if (attempt == run.epochs_attempt) return true;
  run.epochs_attempt = attempt;
  run.record.epochs_done = 0;
  run.epochs_anew = run.tells_epochs;
  run.tells_epochs = false;
  run.new_epoch_seconds.clear();
  run.accuracies_anew = run.tells_accuracies;
  run.tells_accuracies = false;
  run.new_accuracies.clear();
  return true;
}

void tell_progress(Run& run, const RunProgress& progress) {
  auto& record = run.record;
  if (record.run_id.empty()) record.run_id = progress.run_id;
  if (!epochs_of(run, progress.attempt) || progress.epoch <= record.epochs_done) return;
  record.epochs_done = progress.epoch;
  if (record.epochs == 0) record.epochs = progress.epochs;
  if (progress.epoch_seconds) add_epoch_seconds(run, *progress.epoch_seconds);
  add_accuracy(run, progress.metrics);
  add_metrics(record.metrics, progress.metrics);
}

// Of a run of which nobody has told yet who it is.
void introduce(RunRecord& record, const RunCompleted& completed) {
  record.team = completed.team;
  record.project = completed.project;
  record.model_type = completed.model_type;
  record.workload_type = completed.workload_type;
  record.priority = completed.priority;
  record.spot = completed.spot;
}

void tell_completed(Run& run, const RunCompleted& completed) {
  auto& record = run.record;
  const int attempt = completed.job_id.empty() ? 0 : completed.attempt.value_or(record.attempts);
  if (record.run_id.empty()) record.run_id = completed.run_id;
  if (run.reported && *run.reported >= attempt) return;
  run.reported = attempt;
  if (!run.known()) introduce(record, completed);
  if (record.epochs == 0) record.epochs = completed.epochs;
  if (record.batch_size == 0) record.batch_size = completed.batch_size;
  record.precision = completed.precision;
  if (completed.baseline_metric) record.baseline_metric = completed.baseline_metric;
  add_metrics(record.metrics, completed.metrics);
  if (!epochs_of(run, attempt)) return;
  record.epochs_done = std::max(record.epochs_done, completed.epochs);
  // Progress has told of them one by one, of all but the last perhaps: here they are all.
  if (completed.epoch_seconds.empty()) return;
  run.epochs_anew = true;
  const auto& told = completed.epoch_seconds;
  const auto kept = static_cast<std::ptrdiff_t>(std::min(told.size(), most_epoch_seconds));
  run.new_epoch_seconds.assign(told.end() - kept, told.end());
  run.tells_epochs = true;
}

// A job's id, where the report is one of a job.
Status check_job_id(const std::string& job_id) {
  if (job_id.empty()) return {};
  return is_job_id(job_id);
}

Status check_outside(const RunCompleted& completed) {
  FieldErrors errors;
  const auto at_most = [&](const char* field, std::int64_t value, std::int64_t most) {
    if (value > most)
      errors.push_back({field, std::to_string(value), "at most " + std::to_string(most)});
  };
  at_most("gpus", completed.gpus, most_gpus);
  const auto resources = completed.resources.value_or(Resources());
  at_most("resources.gpus", resources.gpus, most_gpus);
  at_most("resources.cpu in thousandths", resources.cpu_millicores, most_millicores);
  at_most("resources.memory in bytes", resources.memory_bytes, most_memory_bytes);
  const auto is_short = [&](const char* field, const std::string& text) {
    if (text.size() > longest_text)
      errors.push_back({field, '"' + shortened(text) + '"', "text of at most 63 bytes"});
  };
  is_short("team", completed.team);
  is_short("project", completed.project);
  is_short("model_type", completed.model_type);
  is_short("workload_type", completed.workload_type);
  is_short("gpu_type", completed.gpu_type);
  is_short("resources.gpu_type", resources.gpu_type);
  if (errors.empty()) return {};
  return fail(ErrorKind::invalid, sentences(errors));
}

}  // namespace

Result<std::optional<Report>> read_report(const CloudEvent& event, Time recorded_at) {
  if (event.type == RunProgress::type) {
    auto data = parse_data<RunProgress>(event.data);
    if (!data) return fail(ErrorKind::invalid, sentences(data.error()));
    if (auto status = check_job_id(data->job_id); !status) return fail(status.error());
    auto key = run_key(data->job_id, data->run_id);
    return Report{std::move(key), std::move(*data)};
  }
  if (event.type != RunCompleted::type) return std::nullopt;
  auto data = parse_data<RunCompleted>(event.data);
  if (!data) return fail(ErrorKind::invalid, sentences(data.error()));
  if (auto status = check_job_id(data->job_id); !status) return fail(status.error());
  Report report{run_key(data->job_id, data->run_id), std::move(*data)};
  const auto& completed = std::get<RunCompleted>(report.told);
  if (!completed.job_id.empty()) return report;
  if (auto status = check_outside(completed); !status) return fail(status.error());
  Fact fact;
  fact.job_id = report.job_id;
  fact.seq = 1;
  fact.started_at = completed.started_at;
  fact.ended_at = completed.ended_at;
  auto& usage = fact.bearer.usage;
  usage.resources.gpus = completed.gpus;
  if (completed.resources) usage.resources = *completed.resources;
  usage.gpu_type = completed.gpu_type;
  usage.priority = completed.priority;
  usage.spot = completed.spot;
  fact.bearer.model_type = completed.model_type;
  fact.bearer.workload_type = completed.workload_type;
  fact.bearer.team = completed.team;
  fact.bearer.project = completed.project;
  fact.told = Told{"", "", completed.status, true, completed.epochs, completed.batch_size};
  if (auto status = plausible(fact, recorded_at); !status) return fail(status.error());
  report.fact = std::move(fact);
  return report;
}

namespace {

void keep_gpu_type(RunRecord& record, const std::string& type) {
  auto& others = record.other_gpu_types;
  if (!type.empty() && type != record.gpu_type &&
      std::find(others.begin(), others.end(), type) == others.end())
    others.push_back(type);
}

// The last attempt is on it.
void on_gpu_type(RunRecord& record, const std::string& type) {
  const auto before = std::exchange(record.gpu_type, type);
  std::erase(record.other_gpu_types, type);
  if (record.spent.run_ms != 0) keep_gpu_type(record, before);
}

}  // namespace

bool tell(Job& job, const Fact& fact) {
  auto& record = job.run.record;
  if (fact.started_at) {
    record.started_at = std::min(record.started_at.value_or(*fact.started_at), *fact.started_at);
    record.attempts = std::max(record.attempts, std::max(fact.attempt, 1));
    epochs_of(job.run, fact.attempt);
  }
  if (!fact.told || fact.seq <= job.run.seq) return false;
  job.run.seq = fact.seq;
  const auto& bearer = fact.bearer;
  const auto& told = *fact.told;
  if (fact.attempt > 0) {
    record.job_id = fact.job_id;
  } else {
    record.run_id = fact.job_id.substr(1);
  }
  record.name = told.name;
  record.team = bearer.team;
  record.project = bearer.project;
  record.user = told.user;
  record.model_type = bearer.model_type;
  record.workload_type = bearer.workload_type;
  record.priority = bearer.usage.priority;
  record.spot = bearer.usage.spot;
  record.resources = bearer.usage.resources;
  if (!bearer.usage.gpu_type.empty()) on_gpu_type(record, bearer.usage.gpu_type);
  record.state = told.state;
  record.epochs = told.epochs;
  record.batch_size = told.batch_size;
  add_metrics(record.metrics, told.metrics);
  record.ended_at.reset();
  if (!told.over) return true;
  record.ended_at = fact.ended_at;
  // Over while none ran.
  for (const auto& [number, attempt] : job.attempts) {
    if (!fact.ended_at && attempt.ended_at)
      record.ended_at = std::max(record.ended_at.value_or(*attempt.ended_at), *attempt.ended_at);
  }
  return true;
}

void tell(Job& job, const Report& report) {
  auto& record = job.run.record;
  std::visit(
      [&](const auto& told) {
        record.job_id = told.job_id;
        if constexpr (std::is_same_v<std::decay_t<decltype(told)>, RunProgress>) {
          tell_progress(job.run, told);
        } else {
          tell_completed(job.run, told);
        }
      },
      report.told);
}

void tell_charge(Run& run, const CostAccrued& event) {
  auto& record = run.record;
  record.spent += spent_of(event);
  // A correction, too, may be the first of it that the log still holds.
  record.started_at =
      std::min(record.started_at.value_or(event.interval_start), event.interval_start);
  if (event.correction) {
    if (record.charged_until == event.interval_end) record.charged_until = event.interval_start;
    return;
  }
  record.charged_until =
      std::max(record.charged_until.value_or(event.interval_end), event.interval_end);
  if (run.known()) return keep_gpu_type(record, event.gpu_type);
  // Its events are not kept any more, or yet to come.
  record.job_id = event.job_id;
  record.run_id = event.run_id;
  record.team = event.team;
  record.project = event.project;
  record.model_type = event.model_type;
  record.workload_type = event.workload_type;
  record.gpu_type = event.gpu_type;
  record.attempts = std::max(record.attempts, std::max(event.attempt, 1));
}

}  // namespace oppen::cost
