#include "workers/console/api.hpp"

#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "schemas/text.hpp"
#include "workers/console/alerts_json.hpp"
#include "workers/console/answers.hpp"
#include "workers/console/budgets_json.hpp"
#include "workers/console/job_json.hpp"
#include "workers/console/listing.hpp"
#include "workers/console/queue_status.hpp"

namespace oppen::console {
namespace {

using nlohmann::json;
using runtime::HttpAnswer;

constexpr auto starts_path = "/api/v1/starts";  // of the scheduler

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const auto slash = std::min(path.find('/', 1), path.size());
    parts.emplace_back(path.substr(1, slash - 1));
    path.remove_prefix(slash);
  }
  return parts;
}

}  // namespace

Reply Api::handle(const runtime::HttpQuery& query) {
  const auto path = split_path(query.path);
  Params params(query.params);
  const auto is = [&path](std::size_t size, std::string_view third) {
    return path.size() == size && path[0] == "api" && path[1] == "v1" && path[2] == third;
  };
  if (is(3, "queue")) return {queue(params), nullptr};
  if (is(3, "jobs")) return {jobs(params), nullptr};
  if (is(4, "jobs")) return {job(path[3], params), nullptr};
  if (is(5, "jobs") && path[4] == "logs") return logs(path[3], params);
  if (is(5, "jobs") && path[4] == "explain") return {explain(path[3], params), nullptr};
  if (query.path == simulate_path) return {simulate(query.body, params), nullptr};
  if (query.path == simulate_policy_path) return {simulate_policy(query.body, params), nullptr};
  if (query.path == compare_path) return {costs_.compare(query.body, params), nullptr};
  if (is(3, "report")) return {costs_.report(params), nullptr};
  if (is(3, "analysis")) return {costs_.analysis(params), nullptr};
  if (is(3, "runs")) return {costs_.runs(params), nullptr};
  if (is(3, "costs")) return {costs_.costs(params), nullptr};
  if (is(3, "recommendations")) return {costs_.recommendations(params), nullptr};
  if (is(3, "forecast")) return {costs_.forecast_period(params), nullptr};
  // A name may have slashes in it.
  constexpr std::string_view forecasts = "/api/v1/forecast/";
  if (query.path.starts_with(forecasts) && query.path.size() > forecasts.size())
    return {costs_.forecast(query.path.substr(forecasts.size()), params), nullptr};
  if (is(4, "batches")) return {batch(path[3], params), nullptr};
  if (is(3, "budgets")) return {budgets(params), nullptr};
  if (is(3, "alerts")) return {alerts(params), nullptr};
  if (is(3, "health")) return {health(params), nullptr};
  if (is(3, "dashboard")) return {dashboard(params), nullptr};
  if (is(3, "rates")) return {rates(params), nullptr};
  if (is(3, "openapi.yaml"))
    return {{200, std::string(openapi_document()), "application/yaml"}, nullptr};
  return {not_found("there is no path " + shortened(query.path) +
                    ": /api/v1/openapi.yaml lists those there are"),
          nullptr};
}

Result<plan::Policy> Api::policy() {
  const auto published = queue_.policy();
  if (published) return policy_in_force(*published);
  if (published.error().kind == ErrorKind::not_found)
    return plan::Policy{};  // the defaults hold until then
  return fail(published.error());
}

HttpAnswer Api::queue(Params params) {
  const Paging paging = params.paging();
  if (auto fault = params.fault()) return *fault;
  const auto counters = queue_.counters();
  if (!counters) return error_answer(counters.error());
  const auto in_force = policy();
  if (!in_force) return error_answer(in_force.error());
  const auto live = all_live(queue_);
  if (!live) return error_answer(live.error());
  auto leader = queue_.leader();
  if (!leader && leader.error().kind != ErrorKind::not_found) return error_answer(leader.error());
  auto listed = list_jobs(queue_, {"queued"}, paging);
  if (!listed) return error_answer(listed.error());
  json body =
      queue_status(*counters, *in_force, *live, leader ? *leader : json(nullptr), clock_.now());
  body.update(*listed);
  return json_answer(body);
}

HttpAnswer Api::jobs(Params params) {
  const std::string state = params.one_of("state", {"all", "queued", "live", "ended"});
  const bool eta = params.one_of("eta", {"false", "true"}) == "true";
  const Paging paging = params.paging();
  if (auto fault = params.fault()) return *fault;
  auto listed = state == "all" ? list_jobs(queue_, {"live", "queued", "ended"}, paging)
                               : list_jobs(queue_, {state}, paging);
  if (!listed) return error_answer(listed.error());
  if (eta) add_starts(*listed);
  return json_answer(*listed);
}

void Api::add_starts(json& page) {
  json ids = json::array();
  std::map<std::string, json*> waiting;
  for (auto& job : page["jobs"]) {
    if (job["state"] != to_string(JobState::queued)) continue;
    ids.push_back(job["job_id"]);
    waiting[job["job_id"]] = &job;
  }
  if (ids.empty()) return;
  const auto answer = scheduler_.ask(starts_path, json{{"jobs", std::move(ids)}}.dump());
  const auto starts = json::parse(answer.body, nullptr, false);
  // A list without them is better than none.
  if (answer.status != 200 || !starts.is_object()) {
    page["eta_unknown"] = "the scheduler does not answer";
    if (starts.is_object() && starts.contains("error"))
      page["eta_unknown"] = starts["error"].value("message", "");
    return;
  }
  for (const char* const name : {"as_of", "outdated"}) {
    if (starts.contains(name)) page[name] = starts[name];
  }
  for (const auto& start : starts.value("jobs", json::array())) {
    const auto job = waiting.find(start.value("job_id", ""));
    if (job != waiting.end()) job->second->update(start);
  }
}

HttpAnswer Api::job(const std::string& job_id, Params params) {
  if (auto fault = params.fault()) return *fault;
  const auto record = queue_.job(job_id);
  if (!record) return error_answer(record.error());
  const auto position = queue_.position(*record);
  if (!position) return error_answer(position.error());
  return json_answer(job_detail(*record, *position, namespace_));
}

HttpAnswer Api::batch(const std::string& batch_id, Params params) {
  const Paging paging = params.paging();
  if (auto fault = params.fault()) return *fault;
  const auto batch = queue_.batch(batch_id);
  if (!batch) return error_answer(batch.error());
  std::size_t first = 0;
  const auto& cursor = paging.cursor;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), first);
  if (!cursor.empty() && (error != std::errc{} || end != cursor.data() + cursor.size())) {
    return bad_request("cursor", "cursor is \"" + shortened(cursor) +
                                     "\": expected the next_cursor of an earlier page");
  }
  json jobs = json::array();
  const std::size_t last =
      std::min(batch->jobs.size(), first + static_cast<std::size_t>(paging.limit));
  for (std::size_t i = first; i < last; ++i) {
    const auto record = queue_.job(batch->jobs[i]);
    if (record) {
      jobs.push_back(job_summary(*record, std::nullopt));
    } else if (record.error().kind !=
               ErrorKind::not_found) {  // an old job may be forgotten before its batch
      return error_answer(record.error());
    }
  }
  return json_answer({{"batch_id", batch->batch_id},
                      {"state", batch->state},
                      {"first_seen", to_rfc3339(batch->first_seen)},
                      {"job_count", batch->jobs.size()},
                      {"jobs", std::move(jobs)},
                      {"next_cursor", last < batch->jobs.size() ? std::to_string(last) : ""}});
}

Reply Api::logs(const std::string& job_id, Params params) {
  const bool follow = params.one_of("follow", {"false", "true"}) == "true";
  const int tail = params.whole("tail", -1, 0, 1'000'000);
  if (auto fault = params.fault()) return {*fault, nullptr};
  const auto record = queue_.job(job_id);
  if (!record) return {error_answer(record.error()), nullptr};
  if (record->attempt == 0) {
    return {not_found("job " + job_id + " is " + std::string(to_string(record->state)) +
                      " and has had no pod yet: there is no log"),
            nullptr};
  }
  const auto opened = logs_.open({record->pod_name(), follow, tail});
  if (opened) return {{200, "", "text/plain; charset=utf-8"}, *opened};
  if (opened.error().kind != ErrorKind::not_found) return {error_answer(opened.error()), nullptr};
  const std::string why =
      record->ended_at ? "has ended and its pod is gone (finished pods are deleted after a while)"
                       : "has no log yet";
  return {not_found("job " + job_id + " " + why + ": " + opened.error().message), nullptr};
}

HttpAnswer Api::explain(const std::string& job_id, Params params) {
  if (auto fault = params.fault()) return *fault;
  // No other text is a job's id, and this one goes into a URL.
  if (!is_dns_label(job_id, max_id_length))
    return not_found("there is no job " + shortened(job_id));
  return scheduler_.ask("/api/v1/jobs/" + job_id + "/explain", "");
}

HttpAnswer Api::simulate(std::string_view batch, Params params) {
  const bool delays = params.one_of("delays", {"true", "false"}) == "true";
  if (auto fault = params.fault()) return *fault;
  if (batch.empty()) {
    return bad_request("", "POST a batch here, as JSON: {\"batch_id\": ..., \"jobs\": [...]}");
  }
  return scheduler_.ask(delays ? simulate_path : std::string(simulate_path) + "?delays=false",
                        batch);
}

HttpAnswer Api::simulate_policy(std::string_view change, Params params) {
  if (auto fault = params.fault()) return *fault;
  if (change.empty())
    return bad_request("", "POST a policy here, as JSON: {\"key\": ..., \"value\": ...}");
  return scheduler_.ask(simulate_policy_path, change);
}

HttpAnswer Api::budgets(Params params) {
  if (auto fault = params.fault()) return *fault;
  const auto budgets = read_budgets_();
  if (!budgets) return error_answer(budgets.error());
  const auto live = all_live(queue_);
  if (!live) return error_answer(live.error());
  const auto counters = queue_.counters();
  if (!counters) return error_answer(counters.error());
  const auto unseen = queue_.unseen();
  if (!unseen) return error_answer(unseen.error());
  return json_answer(budgets_json(*budgets, *live, counters->reserved, *unseen, clock_.now()));
}

HttpAnswer Api::alerts(Params params) {
  const auto state = params.one_of("state", {"firing", "pending", "resolved", "all"});
  if (auto fault = params.fault()) return *fault;
  const auto alerts = read_alerts_();
  if (!alerts) return error_answer(alerts.error());
  return json_answer(alerts_json(*alerts, state, clock_.now()));
}

HttpAnswer Api::health(Params params) {
  if (auto fault = params.fault()) return *fault;
  return json_answer(health_json(parts_()));
}

HttpAnswer Api::dashboard(Params params) {
  const int limit = params.whole("limit", 10, 1, max_page);
  if (auto fault = params.fault()) return *fault;
  return json_answer(dashboard_.show(limit));
}

HttpAnswer Api::rates(Params params) {
  if (auto fault = params.fault()) return *fault;
  const auto rules = costs_.in_force();
  if (!rules) return error_answer(rules.error());
  const Time now = clock_.now();
  const auto& model = rules->rates.at(now);
  return json_answer({{"gpu_hourly_microusd", model.gpu_hourly},
                      {"gpu_type_hourly_microusd", model.gpu_type_hourly},
                      {"cpu_only_hourly_microusd", model.cpu_only_hourly},
                      {"cpu_core_hourly_microusd", model.cpu_core_hourly},
                      {"memory_gib_hourly_microusd", model.memory_gib_hourly},
                      {"as_of", to_rfc3339(now)}});
}

}  // namespace oppen::console
