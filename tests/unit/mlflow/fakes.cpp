#include "tests/unit/mlflow/fakes.hpp"

#include <algorithm>
#include <cstdlib>
#include <regex>

namespace oppen::mlflow {
namespace {

using nlohmann::json;

bool fits(const json& info, const std::string& filter) {
  static const std::regex condition(R"(attributes\.(\w+) (=|!=|>=) '?(\w+)'?)");
  for (std::sregex_iterator found(filter.begin(), filter.end(), condition), none; found != none;
       ++found) {
    const auto field = (*found)[1].str();
    const auto sign = (*found)[2].str();
    const auto value = (*found)[3].str();
    if (field == "status") {
      if ((info.at("status") == value) != (sign == "=")) return false;
    } else if (!info.contains(field) || info.at(field).get<std::int64_t>() < std::stoll(value)) {
      return false;  // as in SQL, what is absent compares with nothing
    }
  }
  return true;
}

std::size_t first_of(const json& request) {
  return request.contains("page_token")
             ? std::stoul(request.at("page_token").get_ref<const std::string&>())
             : 0;
}

json& entry(json& run, const char* kind, const std::string& key) {
  for (auto& one : run["data"][kind]) {
    if (one["key"] == key) return one;
  }
  return run["data"][kind].emplace_back(json{{"key", key}});
}

}  // namespace

Result<json> FakeMlflow::post(const std::string& endpoint, const json& request) {
  asked.emplace_back(endpoint, request);
  if (!answers.empty()) {
    const auto answer = answers.front();
    answers.pop_front();
    if (answer) return fail(*answer);
  }
  if (endpoint == "experiments/search") return page_of_experiments(request);
  if (endpoint == "runs/log-batch") return log_batch(request);
  return page_of_runs(request);
}

Result<json> FakeMlflow::log_batch(const json& request) {
  const auto id = request.at("run_id").get<std::string>();
  for (auto& experiment : experiments) {
    for (auto& run : experiment.runs) {
      if (run["info"]["run_id"] != id) continue;
      for (const auto& metric : request.at("metrics")) {
        const auto key = metric.at("key").get<std::string>();
        auto& points = history[{id, key}];
        points.emplace(metric.at("timestamp").get<std::int64_t>(),
                       metric.at("value").get<double>());
        set(run, "metrics", key, points.rbegin()->second, points.rbegin()->first);
      }
      if (dies_in_log_batch > 0) {
        --dies_in_log_batch;
        return fail(ErrorKind::unavailable, "it died");
      }
      for (const auto& tag : request.at("tags")) set(run, "tags", tag.at("key"), tag.at("value"));
      return json::object();
    }
  }
  return fail(ErrorKind::not_found, "Run with id=" + id + " not found");
}

void FakeMlflow::remove(const std::string& id) {
  for (auto& experiment : experiments)
    std::erase_if(experiment.runs, [&](const json& run) { return run["info"]["run_id"] == id; });
}

json FakeMlflow::page_of_experiments(const json& request) const {
  json answer = json::object();
  const auto first = first_of(request);
  const auto last = std::min(experiments.size(), first + 2);  // MLflow may give less than was asked
  for (auto i = first; i < last; ++i) {
    answer["experiments"].push_back(
        {{"experiment_id", experiments[i].id}, {"name", experiments[i].name}});
  }
  if (last < experiments.size()) answer["next_page_token"] = std::to_string(last);
  return answer;
}

Result<json> FakeMlflow::page_of_runs(const json& request) {
  std::vector<json> all;
  for (const auto& experiment : experiments) {
    const auto& ids = request.at("experiment_ids");
    if (std::find(ids.begin(), ids.end(), experiment.id) == ids.end()) continue;
    for (const auto& run : experiment.runs) {
      if (fits(run.at("info"), request.at("filter"))) all.push_back(run);
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const json& a, const json& b) {
    const auto end = [](const json& run) {
      return run["info"].value("end_time", std::int64_t{1} << 62);
    };
    const auto id = [](const json& run) { return run["info"].value("run_id", ""); };
    return std::pair(end(a), id(a)) < std::pair(end(b), id(b));
  });
  const auto first = std::min(first_of(request), all.size());
  const auto last = std::min(all.size(), first + request.at("max_results").get<std::size_t>());
  if (last - first > largest_answer) return fail(ErrorKind::invalid, "the answer is too large");
  json answer = json::object();
  for (auto i = first; i < last; ++i) answer["runs"].push_back(all[i]);
  if (last < all.size()) answer["next_page_token"] = std::to_string(last);
  if (after_page && last > first) after_page();
  return answer;
}

json& FakeMlflow::add(const std::string& id, std::int64_t end_time_ms, const std::string& status,
                      std::size_t experiment) {
  json run = {
      {"info", {{"run_id", id}, {"status", end_time_ms == 0 ? "RUNNING" : status}}},
      {"data", {{"params", json::array()}, {"tags", json::array()}, {"metrics", json::array()}}}};
  run["info"]["start_time"] = end_time_ms == 0 ? day_ms * 20'000 : end_time_ms - 60'000;
  if (end_time_ms != 0) run["info"]["end_time"] = end_time_ms;
  set(run, "params", "model_type", "resnet50");
  set(run, "params", "epochs", "10");
  set(run, "params", "batch_size", "64");
  return experiments[experiment].runs.emplace_back(std::move(run));
}

json& FakeMlflow::run(const std::string& id) {
  for (auto& experiment : experiments) {
    for (auto& run : experiment.runs) {
      if (run["info"]["run_id"] == id) return run;
    }
  }
  std::abort();
}

int FakeMlflow::searches() const {
  return static_cast<int>(std::count_if(
      asked.begin(), asked.end(), [](const auto& one) { return one.first == "runs/search"; }));
}

int FakeMlflow::writes() const {
  return static_cast<int>(std::count_if(
      asked.begin(), asked.end(), [](const auto& one) { return one.first == "runs/log-batch"; }));
}

Result<std::map<std::string, MicroUsd>> FakeCosts::charged(
    const std::vector<std::string>& attempts) {
  asked.push_back(attempts);
  if (away) return fail(*away);
  std::map<std::string, MicroUsd> found;
  for (const auto& attempt : attempts) {
    if (const auto cost = costs.find(attempt); cost != costs.end()) found.insert(*cost);
  }
  return found;
}

void set(json& run, const char* kind, const std::string& key, const json& value,
         std::int64_t timestamp_ms) {
  auto& one = entry(run, kind, key);
  one["value"] = value;
  if (timestamp_ms != 0) one["timestamp"] = timestamp_ms;
}

void drop(json& run, const char* kind, const std::string& key) {
  json left = json::array();
  for (const auto& one : run["data"][kind]) {
    if (one["key"] != key) left.push_back(one);
  }
  run["data"][kind] = std::move(left);
}

Status FakeTopic::reachable() {
  if (away) return fail(*away);
  return {};
}

Status FakeTopic::read_back(const std::function<void(const KafkaRecord&)>& take) {
  if (away) return fail(*away);
  ++read_backs;
  for (const auto& record : records) take(record);
  return {};
}

Result<std::vector<Status>> FakeTopic::publish(const std::vector<KafkaRecord>& more) {
  if (away) return fail(*away);
  records.insert(records.end(), more.begin(), more.end());
  if (lost_answers) return fail(*lost_answers);
  return std::vector<Status>(more.size());
}

std::vector<json> FakeTopic::told(const std::string& type) const {
  std::vector<json> all;
  for (const auto& record : records) {
    const auto event = decode(record);
    if (event && event->type == "dev.oppen." + type + ".v1") all.push_back(event->data);
  }
  return all;
}

}  // namespace oppen::mlflow
