#include "producers/mlflow/search.hpp"

#include <nlohmann/json.hpp>

namespace oppen::mlflow {
namespace {

using nlohmann::json;

constexpr int experiments_a_page = 500;

// Moves to the page that `answer` says comes next. False: it was the last one. An error: it would not end.
Result<bool> turn_page(const json& answer, json& request) {
  const auto token = answer.value("next_page_token", json());
  if (!token.is_string() || token.get_ref<const std::string&>().empty()) return false;
  if (request.value("page_token", json()) == token) {
    return fail(ErrorKind::refused,
                "MLflow names the same page again as the next one: expected another page_token");
  }
  request["page_token"] = token;
  return true;
}

const json& list_of(const json& answer, const char* name) {
  static const json none = json::array();
  const auto found = answer.find(name);
  return found != answer.end() && found->is_array() ? *found : none;
}

}  // namespace

Result<std::vector<Experiment>> active_experiments(Api& api) {
  std::vector<Experiment> all;
  json request = {{"max_results", experiments_a_page}, {"view_type", "ACTIVE_ONLY"}};
  for (;;) {
    const auto answer = api.post("experiments/search", request);
    if (!answer) return fail(answer.error());
    for (const auto& experiment : list_of(*answer, "experiments")) {
      if (!experiment.is_object()) continue;
      const auto id = experiment.value("experiment_id", json());
      const auto name = experiment.value("name", json());
      if (id.is_string() && name.is_string()) all.push_back({id, name});
    }
    const auto more = turn_page(*answer, request);
    if (!more) return fail(more.error());
    if (!*more) return all;
  }
}

Status search_runs(Api& api, const std::vector<std::string>& experiment_ids,
                   const std::string& filter, int page_size, const TakePage& take) {
  json request = {{"experiment_ids", experiment_ids},
                  {"filter", filter},
                  {"run_view_type", "ACTIVE_ONLY"},
                  {"order_by", {"attributes.end_time ASC", "attributes.run_id ASC"}},
                  {"max_results", page_size}};
  for (;;) {
    const auto answer = api.post("runs/search", request);
    if (!answer && answer.error().kind == ErrorKind::invalid && page_size > 1) {
      page_size /= 2;
      request["max_results"] = page_size;
      continue;
    }
    if (!answer) return fail(answer.error());
    std::vector<std::optional<Run>> runs;
    for (const auto& run : list_of(*answer, "runs")) runs.push_back(parse_run(run));
    if (!runs.empty()) {
      if (auto taken = take(runs); !taken) return taken;
    }
    const auto more = turn_page(*answer, request);
    if (!more) return fail(more.error());
    if (!*more) return {};
  }
}

}  // namespace oppen::mlflow
