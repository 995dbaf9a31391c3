#include "workers/console/cost_answers.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "schemas/cloud_event.hpp"
#include "schemas/commands.hpp"
#include "schemas/parse.hpp"
#include "schemas/text.hpp"
#include "workers/console/answers.hpp"
#include "workers/console/cost_params.hpp"
#include "workers/console/queue_status.hpp"
#include "workers/cost/books/run.hpp"
#include "workers/cost/recommend/recommend.hpp"
#include "workers/cost/report/compare.hpp"
#include "workers/cost/report/focus.hpp"
#include "workers/cost/report/history.hpp"

namespace oppen::console {
namespace {

using nlohmann::json;
using runtime::HttpAnswer;

constexpr std::size_t most_attempts = 100;  // asked for at once: they are part of a URL
// Of more at work than these a period's forecast goes by the days alone: each takes three questions to Redis.
constexpr int most_at_work = 1'000;
// Nor at more than these that were at work in as many days: all of them are read.
constexpr std::size_t most_runs_ahead = 5'000;
constexpr auto csv_type = "text/csv; charset=utf-8; header=present";

std::vector<std::string> grouping_names() {
  std::vector<std::string> names = {std::string(to_string(cost::GroupBy::model))};  // the default
  for (const auto by : cost::all_groupings) {
    if (by != cost::GroupBy::model) names.emplace_back(to_string(by));
  }
  return names;
}

cost::GroupBy parse_grouping(const std::string& name) {
  for (const auto by : cost::all_groupings) {
    if (to_string(by) == name) return by;
  }
  return cost::GroupBy::model;
}

// A day is forgotten at the 400th midnight after it began.
std::chrono::sys_days first_kept(Time now) {
  return std::chrono::floor<std::chrono::days>(now) - cost::keep_days + std::chrono::days{1};
}

// Where an answer has no place to say so.
HttpAnswer not_kept(std::chrono::sys_days from, std::chrono::sys_days kept) {
  return bad_request("from", "from is " + cost::to_text(from) + ": expected no day before " +
                                 cost::to_text(kept) + ", what was charged before is not kept");
}

HttpAnswer wrong_configuration(const json& errors) {
  return {400,
          json{{"error",
                {{"code", to_string(ErrorKind::invalid)},
                 {"message", "the configurations are not valid"},
                 {"errors", errors}}}}
              .dump(-1, ' ', false, json::error_handler_t::replace),
          "application/json"};
}

// `index` of the job; nullopt: the paths of the faults say it.
void add_faults(json& errors, std::optional<std::size_t> index, const FieldErrors& faults) {
  for (const FieldError& fault : faults) {
    json one = {{"field", fault.path}, {"reason", fault.sentence()}};
    if (index) one["index"] = *index;
    errors.push_back(std::move(one));
  }
}

// Over, as far as the books know, and charged to its end. The end is written down before its last charge.
bool is_charged(const cost::RunRecord& run) {
  const auto state = parse_job_state(run.state);
  if (!state || !is_terminal(*state)) return false;
  return !run.started_at || !run.ended_at ||
         run.charged_until.value_or(*run.started_at) >= *run.ended_at;
}

std::optional<cost::AttemptId> parse_attempt(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) {
    if (text.empty()) return std::nullopt;
    return cost::AttemptId{cost::run_key("", std::string(text)), 0};
  }
  cost::AttemptId id{std::string(text.substr(0, slash)), 0};
  const char* const last = text.data() + text.size();
  const auto [end, code] = std::from_chars(text.data() + slash + 1, last, id.attempt);
  if (!is_dns_label(id.run, max_id_length) || code != std::errc{} || end != last || id.attempt < 1)
    return std::nullopt;
  return id;
}

// A job that has not run yet, as its record would begin.
cost::RunRecord record_of(const queue::JobRecord& job) {
  cost::RunRecord run;
  run.job_id = job.spec.job_id;
  run.name = job.spec.name;
  run.model_type = job.spec.model_type;
  run.workload_type = job.spec.workload_type;
  run.priority = job.priority;
  run.spot = job.spec.spot;
  run.resources = job.resources();
  run.gpu_type = run.resources.gpu_type;
  run.epochs = job.spec.epochs.value_or(1);
  run.batch_size = job.spec.batch_size.value_or(64);
  run.attempts = job.attempt;
  return run;
}

}  // namespace

Result<CostAnswers::InForce> CostAnswers::in_force() {
  InForce now;
  const auto published = queue_.policy();
  if (!published) {
    if (published.error().kind == ErrorKind::not_found) return now;  // the defaults hold until then
    return fail(published.error());
  }
  auto policy = policy_in_force(*published);
  if (!policy) return fail(policy.error());
  now.policy = *std::move(policy);
  auto changed = parse_data<PolicyChanged>(*published);
  if (!changed)
    return fail(ErrorKind::fatal,
                "the policies in force can't be read: " + sentences(changed.error()));
  changed->effective_from = Time{};
  if (const auto taken = now.rates.take(*changed); !taken) return fail(taken.error());
  return now;
}

Result<std::optional<queue::JobRecord>> CostAnswers::job_of_id(const std::string& id) {
  if (!is_dns_label(id, max_id_length)) return std::nullopt;
  auto job = queue_.job(id);
  if (job) return *std::move(job);
  if (job.error().kind == ErrorKind::not_found) return std::nullopt;
  return fail(job.error());
}

Result<cost::ReportInput> CostAnswers::report_input(const cost::DayRange& range,
                                                    cost::ReportFilter filter, bool runs,
                                                    Time now) {
  cost::ReportInput input;
  input.range = range;
  input.filter = std::move(filter);
  const auto kept_from = first_kept(now);
  if (range.from < kept_from) input.kept_from = kept_from;
  auto days = books_.days(range.from, range.to);
  if (!days) return fail(days.error());
  input.days = *std::move(days);
  const auto before = range.before();
  input.earlier_kept = before.from >= kept_from;
  if (input.earlier_kept) {
    auto earlier = books_.days(before.from, before.to);
    if (!earlier) return fail(earlier.error());
    input.earlier = *std::move(earlier);
  }
  if (!runs && input.filter.empty()) {
    const auto more = books_.surely_more_runs(range.from, range.to, most_runs);
    if (!more) return fail(more.error());
    input.all_runs = !*more;
    if (*more) return input;
  }
  auto found =
      books_.runs(range.from, range.to,
                  {input.filter.team, input.filter.project, input.filter.model_type}, most_runs);
  if (!found) return fail(found.error());
  input.runs = std::move(found->runs);
  input.all_runs = found->all && are_runs_kept(range, now);
  return input;
}

HttpAnswer CostAnswers::report(Params params) {
  const auto words = range_words(params);
  const auto filter = filter_of(params);
  const auto by = parse_grouping(params.one_of("by", grouping_names()));
  const int limit = params.whole("limit", 0, 1, max_page);
  const std::string format = params.one_of("format", {"json", "csv", "focus"});
  if (auto fault = params.fault()) return *fault;
  const Time now = clock_.now();
  const auto range = cost::parse_range(words, now);
  if (!range) return error_answer(range.error());
  if (const auto kept = first_kept(now); format != "json" && range->from < kept)
    return not_kept(range->from, kept);
  cost::IdleSums idle;
  if (filter.empty()) {  // idleness is nobody's
    auto counted = books_.idle(range->from, range->to);
    if (!counted) return error_answer(counted.error());
    idle = *std::move(counted);
  }
  if (format == "focus") {
    const auto days = books_.days(range->from, range->to);
    if (!days) return error_answer(days.error());
    return {200, cost::to_focus(*days, filter, idle), csv_type};
  }
  auto input = report_input(*range, filter, by == cost::GroupBy::run, now);
  if (!input) return error_answer(input.error());
  input->by = by;
  input->idle = std::move(idle);
  auto report = cost::make_report(*input, now);
  if (limit > 0) cost::keep_first(report, static_cast<std::size_t>(limit));
  if (format == "csv") return {200, cost::to_csv(report), csv_type};
  return json_answer(cost::to_json(report));
}

HttpAnswer CostAnswers::costs(Params params) {
  const std::string job = params.text("job");
  const std::string listed = params.text("attempts");
  const auto words = range_words(params);
  const auto filter = filter_of(params);
  if (auto fault = params.fault()) return *fault;
  if (!listed.empty()) return attempts(listed);
  if (!job.empty()) {
    const auto queued = job_of_id(job);
    if (!queued) return error_answer(queued.error());
    const auto run = *queued ? books_.job(job) : books_.run(job);
    if (!run) return error_answer(run.error());
    if (!*run)
      return not_found("nothing is known of the cost of " + shortened(job) +
                       ": there is no such job or run, or it has not begun");
    json body = cost::to_json((*run)->spent);
    body.update({{"job_id", (*run)->job_id},
                 {"run_id", (*run)->run_id},
                 {"name", (*run)->name},
                 {"state", (*run)->state},
                 {"run", cost::to_json(**run)}});
    return json_answer(body);
  }
  const Time now = clock_.now();
  const auto range = cost::parse_range(words, now);
  if (!range) return error_answer(range.error());
  if (const auto kept = first_kept(now); range->from < kept) return not_kept(range->from, kept);
  const auto days = books_.days(range->from, range->to);
  if (!days) return error_answer(days.error());
  json rows = json::array();
  for (const auto& row : *days) {
    if (filter.matches(row.key)) rows.push_back(cost::to_json(row));
  }
  return json_answer({{"from", cost::to_text(range->from)},
                      {"to", cost::to_text(range->to - std::chrono::days{1})},
                      {"days", std::move(rows)}});
}

// `listed`: JOB_ID/ATTEMPT or the id of a run from outside, separated by commas.
HttpAnswer CostAnswers::attempts(std::string_view listed) {
  std::vector<cost::AttemptId> ids;
  for (std::size_t begin = 0; begin <= listed.size();) {
    const auto end = std::min(listed.find(',', begin), listed.size());
    auto id = parse_attempt(listed.substr(begin, end - begin));
    if (!id) {
      return bad_request("attempts",
                         "attempts has \"" + shortened(listed.substr(begin, end - begin)) +
                             "\": expected JOB_ID/ATTEMPT, or the id of a run from outside");
    }
    ids.push_back(*std::move(id));
    begin = end + 1;
  }
  if (ids.size() > most_attempts)
    return bad_request("attempts", "attempts has " + std::to_string(ids.size()) +
                                       " attempts: expected at most " +
                                       std::to_string(most_attempts));
  const auto costs = books_.charged(ids);
  if (!costs) return error_answer(costs.error());
  json found = json::array();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& [run, attempt] = ids[i];
    if (!costs->at(i)) continue;
    found.push_back({{"attempt", attempt}, {"total_microusd", costs->at(i)->value}});
    if (attempt > 0) {
      found.back()["job_id"] = run;
    } else {
      found.back()["run_id"] = run.substr(1);
    }
  }
  return json_answer({{"attempts", std::move(found)}});
}

HttpAnswer CostAnswers::forecast(const std::string& id_or_name, Params params) {
  if (auto fault = params.fault()) return *fault;
  auto job = job_of_id(id_or_name);
  if (!job) return error_answer(job.error());
  const auto known = *job ? books_.job(id_or_name) : books_.run(id_or_name);
  if (!known) return error_answer(known.error());
  if (!*job && !*known) return not_found("there is no job or run " + shortened(id_or_name));
  if (!*job) job = job_of_id((*known)->job_id);
  if (!job) return error_answer(job.error());
  auto input = input_of(*known, *job);
  auto history = books_.history(input.run.model_type, cost::history_limit);
  if (!history) return error_answer(history.error());
  input.history = *std::move(history);
  const auto rules = in_force();
  if (!rules) return error_answer(rules.error());
  auto forecast = cost::make_forecast(input, rules->policy, rules->rates, clock_.now());
  if (forecast.basis == cost::Basis::history)
    forecast.covered = cost::coverage_of(input, rules->policy);
  return json_answer(cost::to_json(forecast));
}

cost::ForecastInput CostAnswers::input_of(const std::optional<cost::RunRecord>& run,
                                          const std::optional<queue::JobRecord>& job) {
  cost::ForecastInput input;
  if (run) input.run = *run;
  if (!job) {
    input.attempt_started_at = input.run.started_at;
    return input;
  }
  // The queue knows at once what events tell a little later, and what they charge later still.
  input.charged = run ? is_charged(input.run) : !job->started_at;
  if (!run) input.run = record_of(*job);
  input.run.state = to_string(job->state);
  input.window = job->spec.window;
  input.attempt_started_at = queue::is_live(job->state) ? job->started_at : std::nullopt;
  input.limit_seconds = job->spec.max_runtime_seconds;
  return input;
}

Result<std::optional<cost::RunsAhead>> CostAnswers::runs_ahead(const cost::PeriodInput& input,
                                                               const InForce& rules, Time now) {
  const Time end = input.period.to;
  const Time since = now - std::min<Time::duration>(end - now, cost::keep_runs);
  const auto& filter = input.filter;
  if (filter.empty()) {
    const auto more = books_.surely_more_runs(since, now, most_runs_ahead);
    if (!more) return fail(more.error());
    if (*more) return std::nullopt;
  }
  const auto list =
      books_.runs(since, now, {filter.team, filter.project, filter.model_type}, most_runs_ahead);
  if (!list) return fail(list.error());
  if (!list->all) return std::nullopt;
  const auto may_run = [](const cost::RunRecord& run) {
    return !run.ended_at && !run.job_id.empty();
  };
  if (std::count_if(list->runs.begin(), list->runs.end(), may_run) > most_at_work)
    return std::nullopt;
  std::map<std::string, std::vector<cost::RunRecord>> histories;
  cost::RunsAhead ahead;
  for (const auto& run : list->runs) {
    if (run.started_at && *run.started_at >= since) ahead.begun.value += run.spent.total_microusd;
    if (!may_run(run)) continue;
    const auto job = job_of_id(run.job_id);
    if (!job) return fail(job.error());
    // Over since, or waiting for its next attempt.
    if (!*job || !queue::is_live((*job)->state) || !(*job)->started_at) continue;
    ++ahead.at_work;
    const auto known = books_.job(run.job_id);  // with its epochs
    if (!known) return fail(known.error());
    auto one = input_of(*known, *job);
    const auto [history, is_new] = histories.try_emplace(run.model_type);
    if (is_new) {
      auto read = books_.history(run.model_type, cost::history_limit);
      if (!read) return fail(read.error());
      history->second = *std::move(read);
    }
    one.history = history->second;
    const auto forecast = cost::make_forecast(one, rules.policy, rules.rates, now);
    ahead.left += cost::left_until(forecast, one, rules.rates, end);
  }
  return ahead;
}

HttpAnswer CostAnswers::forecast_period(Params params) {
  cost::PeriodInput input;
  input.name = params.one_of("period", {"month", "quarter"});
  input.filter = filter_of(params);
  if (auto fault = params.fault()) return *fault;
  const Time now = clock_.now();
  input.period = cost::period_of(input.name, now);
  const auto tomorrow = std::chrono::floor<std::chrono::days>(now) + std::chrono::days{1};
  auto days = books_.days(cost::period_needs_from(input.period, now), tomorrow);
  if (!days) return error_answer(days.error());
  input.days = *std::move(days);
  const auto rules = in_force();
  if (!rules) return error_answer(rules.error());
  const auto runs = runs_ahead(input, *rules, now);
  if (!runs) return error_answer(runs.error());
  input.runs = *runs;
  return json_answer(cost::to_json(cost::forecast_period(input, rules->rates, now)));
}

HttpAnswer CostAnswers::compare(std::string_view body, Params params) {
  if (auto fault = params.fault()) return *fault;
  const auto data = parse_event_data(body);
  if (!data)
    return bad_request("",
                       "POST the configurations here, as JSON of at most 32 levels: "
                       "{\"batch_id\": ..., \"jobs\": [job spec, ...]}");
  const auto batch = parse_data<BatchSubmit>(*data);
  if (!batch) {
    json errors = json::array();
    add_faults(errors, std::nullopt, batch.error());
    return wrong_configuration(errors);
  }
  if (batch->jobs.size() < 2 || batch->jobs.size() > cost::most_configurations) {
    return bad_request("jobs", "jobs has " + std::to_string(batch->jobs.size()) +
                                   " configurations: expected 2 to " +
                                   std::to_string(cost::most_configurations));
  }
  const auto rules = in_force();
  if (!rules) return error_answer(rules.error());
  const Time now = clock_.now();
  std::map<std::string, std::vector<cost::RunRecord>> histories;
  std::vector<cost::Compared> compared;
  json errors = json::array();
  for (std::size_t i = 0; i < batch->jobs.size(); ++i) {
    const auto resolved = plan::resolve(batch->jobs[i], rules->policy);
    if (!resolved) {
      add_faults(errors, i, resolved.error());
      continue;
    }
    auto history = histories.find(resolved->model_type);
    if (history == histories.end()) {
      auto read = books_.history(resolved->model_type, cost::history_limit);
      if (!read) return error_answer(read.error());
      history = histories.emplace(resolved->model_type, *std::move(read)).first;
    }
    auto one = cost::look_at(*resolved, history->second, rules->policy, rules->rates, now);
    if (!one) {
      errors.push_back({{"index", i}, {"field", "window"}, {"reason", one.error().message}});
      continue;
    }
    compared.push_back(*std::move(one));
  }
  if (!errors.empty()) return wrong_configuration(errors);
  return json_answer(cost::to_json(compared, now));
}

HttpAnswer CostAnswers::recommendations(Params params) {
  const std::string name = params.text("run");
  if (auto fault = params.fault()) return *fault;
  if (name.empty())
    return bad_request("run", "run is \"\": expected the id of a job or run, or a name");
  auto known = books_.run(name);
  if (!known) return error_answer(known.error());
  if (!*known) {
    Result<queue::JobRecord> job = fail(ErrorKind::not_found, "");
    if (is_dns_label(name, max_id_length)) job = queue_.job(name);
    if (!job && job.error().kind != ErrorKind::not_found) return error_answer(job.error());
    if (!job) return not_found("there is no job or run " + shortened(name));
    *known = record_of(*job);
    (*known)->state = to_string(job->state);
  }
  const auto& run = **known;
  json found = json::array();
  if (run.ended_at) {
    const auto history = books_.history(run.model_type, cost::most_past_runs);
    if (!history) return error_answer(history.error());
    const auto rules = in_force();
    if (!rules) return error_answer(rules.error());
    const auto accuracies = books_.accuracies(run);
    if (!accuracies) return error_answer(accuracies.error());
    const auto followed = books_.track_records(run.model_type);
    if (!followed) return error_answer(followed.error());
    for (const auto& one :
         cost::recommend({run, *history, rules->rates.at(clock_.now()), *accuracies, *followed}))
      found.push_back(to_data(one));
  }
  json body = {{"ended", run.ended_at.has_value()},
               {"state", run.state},
               {"model_type", run.model_type},
               {"total_microusd", run.spent.total_microusd},
               {"recommendations", std::move(found)}};
  for (const auto& [field, text] :
       {std::pair("job_id", &run.job_id), {"run_id", &run.run_id}, {"name", &run.name}})
    if (!text->empty()) body[field] = *text;
  return json_answer(body);
}

}  // namespace oppen::console
