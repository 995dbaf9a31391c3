// Answers from one reading of the books: several reports, and the runs alone.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "workers/console/answers.hpp"
#include "workers/console/cost_answers.hpp"
#include "workers/console/cost_params.hpp"

namespace oppen::console {

using nlohmann::json;
using runtime::HttpAnswer;

HttpAnswer CostAnswers::analysis(Params params) {
  const auto words = range_words(params);
  const auto filter = filter_of(params);
  const auto limit = static_cast<std::size_t>(params.whole("limit", 10, 1, max_page));
  if (auto fault = params.fault()) return *fault;
  const Time now = clock_.now();
  const auto range = cost::parse_range(words, now);
  if (!range) return error_answer(range.error());
  auto input = report_input(*range, filter, true, now);
  if (!input) return error_answer(input.error());
  json reports = json::object();
  for (const auto by :
       {cost::GroupBy::model, cost::GroupBy::run, cost::GroupBy::workload, cost::GroupBy::day}) {
    input->by = by;
    auto report = cost::make_report(*input, now);
    if (by == cost::GroupBy::model || by == cost::GroupBy::run) cost::keep_first(report, limit);
    reports[std::string(to_string(by))] = cost::to_json(report);
  }
  return json_answer({{"reports", std::move(reports)}});
}

HttpAnswer CostAnswers::runs(Params params) {
  const auto words = range_words(params);
  const auto of = filter_of(params);
  const std::string state = params.text("state");
  const bool dearest = params.one_of("order", {"latest", "cost"}) == "cost";
  const auto limit = static_cast<std::size_t>(params.whole("limit", 100, 1, max_page));
  if (auto fault = params.fault()) return *fault;
  const Time now = clock_.now();
  const auto range = cost::parse_range(words, now);
  if (!range) return error_answer(range.error());
  auto found = books_.runs(range->from, range->to, {of.team, of.project, of.model_type, state},
                           dearest ? most_runs : limit);
  if (!found) return error_answer(found.error());
  auto& runs = found->runs;
  if (dearest) {
    std::stable_sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) {
      return a.spent.total_microusd > b.spent.total_microusd;
    });
  }
  json list = json::array();
  for (std::size_t i = 0; i < std::min(limit, runs.size()); ++i) {
    json one = cost::to_json(runs[i]);
    one["total_microusd"] = runs[i].spent.total_microusd;
    list.push_back(std::move(one));
  }
  const bool kept = are_runs_kept(*range, now);
  return json_answer(
      {{"all", kept && found->all && runs.size() <= limit}, {"runs", std::move(list)}});
}

}  // namespace oppen::console
