#include "producers/access/budget_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "producers/access/event_text.hpp"
#include "producers/access/render.hpp"
#include "schemas/parse.hpp"

namespace oppen::access {
namespace {

using nlohmann::json;

constexpr std::int64_t default_batch_size = 64;

std::int64_t amount(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

bool counts(const json& budget, const Estimated& job) {
  const json scope = budget.value("scope", json::object());
  const auto team = text_field(scope, "team");
  const auto project = text_field(scope, "project");
  return (team.empty() || team == job.team) && (project.empty() || project == job.project);
}

std::string percent(double part) { return fmt::format("{:.0f} %", part); }

double part_of(std::int64_t amount, std::int64_t whole) {
  return whole > 0 ? 100 * static_cast<double>(amount) / static_cast<double>(whole) : 0;
}

std::string scope_text(const json& budget) {
  const json scope = budget.value("scope", json::object());
  const auto team = text_field(scope, "team");
  const auto project = text_field(scope, "project");
  if (team.empty() && project.empty()) return "all";
  if (project.empty()) return "team " + team;
  return team.empty() ? "project " + project : "team " + team + ", project " + project;
}

// What becomes of jobs that don't fit.
std::string consequence(const json& budget) {
  const auto mode = text_field(budget, "mode");
  if (mode == "soft") return "too much, but it holds nothing";
  if (!budget.value("summed", true)) return "it would wait until what is spent is known";
  const auto end = text_field(budget, "period_end");
  return mode == "hard" ? "no room: it would wait until " + end + " or the budget is raised"
                        : "no room: it would wait until it is approved, or until " + end;
}

std::string changes_text(const json& changes) {
  std::string text;
  if (changes.contains("batch_size"))
    text += fmt::format("--batch-size {}", amount(changes, "batch_size"));
  if (changes.contains("window")) text += "--window " + text_field(changes, "window");
  if (changes.contains("spot")) text += "--spot";
  return text;
}

}  // namespace

json budget_verdict(const json& budgets, const std::vector<Estimated>& jobs) {
  MicroUsd total;
  for (const auto& job : jobs) total += job.cost;
  json verdict = {{"feasible", true}, {"estimated_cost_microusd", total.value}};
  json all = json::array();
  for (const json& budget : budgets.value("budgets", json::array())) {
    MicroUsd cost;
    bool any = false;
    for (const auto& job : jobs) {
      if (!counts(budget, job)) continue;
      any = true;
      cost += job.cost;
    }
    if (!any) continue;
    const auto left = amount(budget, "left_microusd");
    const bool fits = budget.value("summed", true) && cost.value <= left;
    const auto whole = amount(budget, "amount_microusd");
    if (!fits && text_field(budget, "mode") != "soft") verdict["feasible"] = false;
    json one = budget;
    one["cost_microusd"] = cost.value;
    one["used_percent"] = part_of(whole - left + cost.value, whole);
    one["fits"] = fits;
    all.push_back(std::move(one));
  }
  verdict["budgets"] = std::move(all);
  return verdict;
}

std::vector<Alternative> alternatives_of(const std::vector<JobSpec>& jobs) {
  std::vector<Alternative> all;
  const auto add = [&](json changes, const auto& change) {
    Alternative alternative{std::move(changes), jobs};
    for (auto& job : alternative.jobs) change(job);
    all.push_back(std::move(alternative));
  };
  // One value for all can be named only where all have the same.
  const auto batch = [](const JobSpec& job) {
    return std::int64_t{job.batch_size.value_or(default_batch_size)};
  };
  const bool same = std::all_of(jobs.begin(), jobs.end(), [&](const JobSpec& job) {
    return batch(job) == batch(jobs.front());
  });
  if (same && !jobs.empty()) {
    const auto doubled = 2 * batch(jobs.front());
    add({{"batch_size", doubled}},
        [doubled](JobSpec& job) { job.batch_size = static_cast<int>(doubled); });
  }
  const auto any = [&](const auto& is) { return std::any_of(jobs.begin(), jobs.end(), is); };
  if (any([](const JobSpec& job) { return job.window != "off_peak"; }))
    add({{"window", "off_peak"}}, [](JobSpec& job) { job.window = "off_peak"; });
  if (any([](const JobSpec& job) { return !job.spot; }))
    add({{"spot", true}}, [](JobSpec& job) { job.spot = true; });
  return all;
}

Result<json> simulate_batch(const Questions& console, const BatchSubmit& batch) {
  auto answer = console.post("simulate?delays=false", to_text(batch));
  if (!answer) return answer;
  if (answer->contains("error")) {
    const json error = (*answer)["error"];
    const bool refused = text_field(error, "code") == to_string(ErrorKind::refused);
    return fail(refused ? ErrorKind::refused : ErrorKind::invalid, text_field(error, "message"));
  }
  if (answer->value("jobs", json::array()).size() != batch.jobs.size())
    return fail(ErrorKind::fatal, "the scheduler's answer tells of other jobs than it was asked");
  return answer;
}

std::vector<Estimated> estimated(const BatchSubmit& batch, const json& simulation) {
  std::vector<Estimated> all;
  const json& jobs = simulation.at("jobs");
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto cost = jobs[i].value("estimated_cost_microusd", std::int64_t{0});
    all.push_back({batch.jobs[i].team, batch.jobs[i].project, {cost}});
  }
  return all;
}

json check_budgets(const Questions& console, const BatchSubmit& batch, const json& simulation,
                   const json& budgets) {
  json verdict = budget_verdict(budgets, estimated(batch, simulation));
  if (verdict["feasible"] == true) return verdict;
  json others = json::array();
  for (auto& alternative : alternatives_of(batch.jobs)) {
    auto other = batch;
    other.jobs = std::move(alternative.jobs);
    const auto cost = simulate_batch(console, other);
    if (!cost) continue;  // it would not be taken in so
    const json judged = budget_verdict(budgets, estimated(other, *cost));
    json one = {{"estimated_cost_microusd", judged["estimated_cost_microusd"]},
                {"feasible", judged["feasible"]}};
    one["changes"] = std::move(alternative.changes);
    others.push_back(std::move(one));
  }
  verdict["alternatives"] = std::move(others);
  return verdict;
}

std::string verdict_text(const json& verdict, int width) {
  const bool feasible = verdict.value("feasible", false);
  std::string text = "Estimated cost " + money_field(verdict, "estimated_cost_microusd") + ": " +
                     (feasible ? "it fits.\n" : "it does not fit.\n");
  const json budgets = verdict.value("budgets", json::array());
  if (budgets.empty()) text += "No budget counts it.\n";
  std::vector<std::vector<std::string>> rows;
  for (const json& budget : budgets) {
    rows.push_back({printable(text_field(budget, "budget_id")), text_field(budget, "mode"),
                    money_field(budget, "amount_microusd"), money_field(budget, "left_microusd"),
                    money_field(budget, "cost_microusd"),
                    percent(number_field(budget, "used_percent")),
                    budget.value("fits", false) ? "fits" : consequence(budget)});
  }
  if (!rows.empty()) {
    text += table({{"BUDGET"},
                   {"MODE"},
                   {"AMOUNT", true},
                   {"LEFT", true},
                   {"THIS", true},
                   {"USED THEN", true},
                   {"VERDICT"}},
                  std::move(rows), width);
  }
  std::vector<std::vector<std::string>> others;
  for (const json& one : verdict.value("alternatives", json::array())) {
    others.push_back({changes_text(one.value("changes", json::object())),
                      money_field(one, "estimated_cost_microusd"),
                      one.value("feasible", false) ? "fits" : "does not fit"});
  }
  if (!others.empty())
    text += "\n" + table({{"INSTEAD"}, {"COST", true}, {"VERDICT"}}, std::move(others), width);
  return text;
}

std::string budgets_text(const json& budgets, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const json& budget : budgets.value("budgets", json::array())) {
    const auto whole = amount(budget, "amount_microusd");
    const bool told = budget.contains("as_of");
    rows.push_back(
        {printable(text_field(budget, "budget_id")), printable(scope_text(budget)),
         text_field(budget, "mode"), text_field(budget, "period"),
         money_field(budget, "amount_microusd"), told ? money_field(budget, "spent_microusd") : "",
         told ? percent(part_of(amount(budget, "spent_microusd"), whole)) : "",
         money_field(budget, "committed_microusd"),
         told ? money_field(budget, "forecast_microusd") : "", text_field(budget, "period_end")});
  }
  return table({{"BUDGET"},
                {"SCOPE"},
                {"MODE"},
                {"PERIOD", false, 3},
                {"AMOUNT", true},
                {"SPENT", true},
                {"USED", true},
                {"COMMITTED", true, 1},
                {"FORECAST", true, 2},
                {"UNTIL", false, 4}},
               std::move(rows), width);
}

}  // namespace oppen::access
