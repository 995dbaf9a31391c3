// What could be saved, ranked.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "producers/access/event_text.hpp"
#include "producers/access/render.hpp"
#include "producers/agent/optimizing.hpp"
#include "producers/agent/tools.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;
using namespace access;

// With three variants each: all of them are one comparison, which takes 100 at most.
constexpr std::size_t most_waiting_priced = 10;
constexpr int most_runs_asked = 10;  // each is a question
constexpr double least_saving_percent = 1;

struct Variant {
  const char* strategy;
  const char* what;
  const char* confidence;
  const char* risk;
  JobAmend::Changes changes;
};

std::vector<Variant> variants_of(const JobSpec& spec) {
  std::vector<Variant> all;
  if (!spec.spot) {
    Variant one{
        "spot", "on spot nodes", "medium", "its node may be taken away: it begins anew then", {}};
    one.changes.spot = true;
    all.push_back(one);
  }
  if (spec.window != "off_peak") {
    Variant one{"off_peak", "in the off-peak hours", "high", "it starts later", {}};
    one.changes.window = "off_peak";
    all.push_back(one);
  }
  if (spec.workload_type == "training" && spec.batch_size.value_or(64) <= 1'000'000) {
    Variant one{"batch_size",
                "with a batch twice as large",
                "low",
                "it may need more memory or reach another accuracy",
                {}};
    one.changes.batch_size = 2 * spec.batch_size.value_or(64);
    all.push_back(one);
  }
  return all;
}

// A waiting job with its variants.
struct Considered {
  std::string id;
  JobSpec spec;
  std::vector<Variant> variants;
};

// What each variant of each would cost beside the job as it is: by one comparison of them all.
Result<std::vector<std::vector<json>>> priced_variants(const Backend& backend,
                                                       std::span<const Considered> jobs) {
  std::vector<JobSpec> specs;
  for (const auto& job : jobs) {
    specs.push_back(job.spec);
    for (const auto& variant : job.variants) specs.push_back(amended(job.spec, variant.changes));
  }
  const auto costs = compared(backend, std::move(specs));
  if (!costs) return fail(costs.error());
  std::vector<std::vector<json>> all;
  auto next = costs->begin();
  for (const auto& job : jobs) {
    const json& as_it_is = *next++;
    auto& variants = all.emplace_back();
    for (std::size_t i = 0; i < job.variants.size(); ++i)
      variants.push_back(priced(as_it_is, *next++));
  }
  return all;
}

void add_proposal(const std::string& job_id, const Variant& variant, json evidence,
                  json& proposals) {
  if (number_field(evidence, "savings_percent") < least_saving_percent) return;
  const json changes = amendment(job_id, variant.changes);
  // Half the time for twice the batch is an assumption until runs have shown it.
  const bool shown = whole_of(evidence, "history_runs") >= 3;
  const std::string confidence =
      std::string(variant.strategy) == "batch_size" && shown ? "medium" : variant.confidence;
  proposals.push_back(
      {{"proposal_id", proposal_id_of(changes)},
       {"kind", "queued_job"},
       {"strategy", variant.strategy},
       {"summary", fmt::format("Run job {} {}: {} instead of {}", job_id, variant.what,
                               money_field(evidence, "cost_after_microusd"),
                               money_field(evidence, "cost_before_microusd"))},
       {"savings_microusd", evidence["savings_microusd"]},
       {"savings_percent", evidence["savings_percent"]},
       {"confidence", confidence},
       {"risk", variant.risk},
       {"changes", changes},
       {"evidence", std::move(evidence)}});
}

// For each of the dearest jobs that wait what each variant would save; only what the estimates can tell. Errors: of the console.
Result<json> of_waiting(const Backend& backend) {
  const auto page = backend.get("jobs?state=queued&limit=200");
  if (!page) return fail(page.error());
  std::vector<json> waiting = page->value("jobs", json::array());
  std::sort(waiting.begin(), waiting.end(), [](const json& a, const json& b) {
    return whole_of(a, "estimated_cost_microusd") > whole_of(b, "estimated_cost_microusd");
  });
  if (waiting.size() > most_waiting_priced) waiting.resize(most_waiting_priced);

  // It has moved on, or can't be priced: the others can.
  const auto is_of_one = [](const Error& error) {
    return error.kind == ErrorKind::refused || error.kind == ErrorKind::not_found ||
           error.kind == ErrorKind::invalid;
  };
  std::vector<Considered> jobs;
  for (const json& one : waiting) {
    const auto id = text_field(one, "job_id");
    auto job = waiting_job(backend, id);
    if (!job && !is_of_one(job.error())) return fail(job.error());
    if (!job) continue;
    auto variants = variants_of(job->spec);
    if (!variants.empty()) jobs.push_back({id, std::move(job->spec), std::move(variants)});
  }
  json proposals = json::array();
  const auto add = [&](std::span<const Considered> some) -> Status {
    auto costs = priced_variants(backend, some);
    if (!costs) return fail(costs.error());
    for (std::size_t i = 0; i < some.size(); ++i) {
      for (std::size_t v = 0; v < some[i].variants.size(); ++v)
        add_proposal(some[i].id, some[i].variants[v], std::move((*costs)[i][v]), proposals);
    }
    return {};
  };
  if (jobs.empty()) return proposals;
  auto all = add(jobs);
  if (!all && is_of_one(all.error())) {  // the cost model may have no cheap hours
    for (auto& job : jobs)
      std::erase_if(job.variants,
                    [](const Variant& one) { return one.changes.window.has_value(); });
    all = add(jobs);
  }
  if (!all && !is_of_one(all.error())) return fail(all.error());
  if (all) return proposals;
  for (const auto& job : jobs) {  // one of them stands in the way of all
    const auto one = add({&job, 1});
    if (!one && !is_of_one(one.error())) return fail(one.error());
  }
  return proposals;
}

// What the dearest finished runs of the days would have cost less, by model type and strategy, as far as recommendations say it. Errors:
// of the console.
Result<json> of_history(const Backend& backend, const json& arguments) {
  const Time now = backend.now();
  const int days = static_cast<int>(whole_of(arguments, "days"));
  const auto runs = backend.get(query("runs", {{"order", "cost"},
                                               {"state", "succeeded"},
                                               {"from", day_text(now, days - 1)},
                                               {"to", day_text(now)},
                                               {"team", text_of(arguments, "team")},
                                               {"model_type", text_of(arguments, "model_type")},
                                               {"limit", std::to_string(most_runs_asked)}}));
  if (!runs) return fail(runs.error());
  std::map<std::pair<std::string, std::string>, json> by_strategy;
  for (const json& run : runs->at("runs")) {
    const auto id = text_field(run, "job_id", text_field(run, "run_id"));
    const auto answer = backend.get("recommendations?run=" + escaped(id));
    if (!answer) {
      if (answer.error().kind == ErrorKind::not_found) continue;
      return fail(answer.error());
    }
    for (const json& one : answer->value("recommendations", json::array())) {
      json& sum = by_strategy[{text_field(*answer, "model_type"), text_field(one, "strategy")}];
      const json saved = one.value("savings_microusd", json::object());
      sum["low"] = whole_of(sum, "low") + whole_of(saved, "low");
      sum["high"] = whole_of(sum, "high") + whole_of(saved, "high");
      sum["runs"].push_back(id);
      if (!sum.contains("first")) sum["first"] = one;  // of the dearest run
    }
  }
  json proposals = json::array();
  for (const auto& [key, sum] : by_strategy) {
    const json& first = sum["first"];
    json evidence = first.value("evidence", json::object());
    evidence["runs"] = sum["runs"];
    evidence["days"] = days;
    proposals.push_back(
        {{"kind", "next_runs"},
         {"strategy", key.second},
         {"model_type", key.first},
         {"summary",
          fmt::format("{}: {} (would have saved {} to {} on {} runs of the last {} days)",
                      key.first, text_field(first, "description"), small_money_field(sum, "low"),
                      small_money_field(sum, "high"), sum["runs"].size(), days)},
         {"savings_microusd", (whole_of(sum, "low") + whole_of(sum, "high")) / 2},
         {"savings_low_microusd", sum["low"]},
         {"savings_high_microusd", sum["high"]},
         {"confidence", text_field(first, "confidence")},
         {"risk", text_field(first, "risk")},
         {"command", text_field(first.value("action", json::object()), "command")},
         {"evidence", std::move(evidence)}});
  }
  return proposals;
}

std::string proposals_text(const json& proposals) {
  std::string text;
  for (const json& one : proposals) {
    text += fmt::format("{}. {}\n   Saves {}{}, confidence {}\n", one["rank"].dump(),
                        printable(text_field(one, "summary")),
                        small_money_field(one, "savings_microusd"),
                        one.contains("savings_percent")
                            ? fmt::format(" ({:.0f} %)", number_field(one, "savings_percent"))
                            : "",
                        text_field(one, "confidence"));
    const auto put = [&text](const char* label, const std::string& what) {
      if (!what.empty()) text += fmt::format("   {}: {}\n", label, printable(what));
    };
    put("Risk", text_field(one, "risk"));
    put("Next runs", text_field(one, "command"));
    if (one.contains("changes")) put("apply_optimization changes", one["changes"].dump());
  }
  return text;
}

Outcome propose(Backend& backend, const json& arguments) {
  auto all = of_waiting(backend);
  if (!all) return failed(all.error());
  const auto history = of_history(backend, arguments);
  if (!history) return failed(history.error());
  all->insert(all->end(), history->begin(), history->end());
  std::stable_sort(all->begin(), all->end(), [](const json& a, const json& b) {
    return whole_of(a, "savings_microusd") > whole_of(b, "savings_microusd");
  });
  const auto limit = static_cast<std::size_t>(whole_of(arguments, "limit"));
  if (all->size() > limit)
    all->erase(all->begin() + static_cast<std::ptrdiff_t>(limit), all->end());
  int rank = 0;
  for (json& one : *all) one["rank"] = ++rank;
  std::string text = proposals_text(*all);
  if (all->empty())
    text =
        "Nothing is known that would save at least 1 %: nothing waits that could run cheaper, and "
        "of the finished runs nothing is "
        "recommended.\n";
  else
    text += "Savings of one job are of alternatives: they do not add up.\n";
  return Told{std::move(text), {{"proposals", *all}}};
}

Tool propose_tool() {
  return {"propose_optimizations",
          "Propose optimisations",
          "Ranked proposals with money, confidence, risk and evidence: what the dearest waiting "
          "jobs would save by spot, off-peak hours or a larger "
          "batch (with the `changes` for apply_optimization), and what finished runs recommend for "
          "the next ones. Changes nothing.",
          Effect::read,
          days_schema({{"days", limit_schema(7, 90, "How far back finished runs are looked at.")},
                       {"limit", limit_schema(10, 100, "How many at most.")}}),
          told_schema(
              json::parse(
                  R"json({"proposals": {"type": "array", "items": {"type": "object", "properties": {
            "rank": {"type": "integer"}, "proposal_id": {"type": "string"}, "kind": {"type": "string"}, "strategy": {"type": "string"},
            "summary": {"type": "string"}, "savings_microusd": {"type": "integer"}, "savings_percent": {"type": "number"},
            "confidence": {"type": "string"}, "risk": {"type": "string"}, "changes": {"type": "object"}, "command": {"type": "string"},
            "evidence": {"type": "object"}}}}})json"),
              {"proposals"}),
          {{"days", 7}, {"limit", 5}},
          propose};
}

}  // namespace

void add_proposal_tools(std::vector<Tool>& tools) { tools.push_back(propose_tool()); }

}  // namespace oppen::agent
