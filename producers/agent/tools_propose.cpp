// What could be saved, ranked.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "producers/access/event_text.hpp"
#include "producers/access/render.hpp"
#include "producers/agent/optimizing.hpp"
#include "producers/agent/tools.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;
using namespace access;

constexpr std::size_t most_waiting_priced = 20;  // each is two questions
constexpr int most_runs_asked = 20;
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

// What each variant would cost beside the job as it is.
Result<std::vector<json>> priced_variants(const Backend& backend, const JobSpec& spec,
                                          const std::vector<Variant>& variants) {
  std::vector<JobSpec> specs{spec};
  for (const auto& variant : variants) specs.push_back(amended(spec, variant.changes));
  const auto costs = compared(backend, std::move(specs));
  if (!costs) return fail(costs.error());
  std::vector<json> all;
  for (std::size_t i = 1; i < costs->size(); ++i)
    all.push_back(priced(costs->front(), (*costs)[i]));
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

  json proposals = json::array();
  for (const json& one : waiting) {
    const auto id = text_field(one, "job_id");
    const auto job = waiting_job(backend, id);
    const auto variants = job ? variants_of(job->spec) : std::vector<Variant>();
    if (job && variants.empty()) continue;
    auto costs = job ? priced_variants(backend, job->spec, variants)
                     : Result<std::vector<json>>(fail(job.error()));
    if (!costs) {
      // It has moved on, or can't be priced: the others can.
      const auto kind = costs.error().kind;
      if (kind == ErrorKind::refused || kind == ErrorKind::not_found || kind == ErrorKind::invalid)
        continue;
      return fail(costs.error());
    }
    for (std::size_t i = 0; i < variants.size(); ++i)
      add_proposal(id, variants[i], std::move((*costs)[i]), proposals);
  }
  return proposals;
}

// What the dearest finished runs of the days would have cost less, by model type and strategy, as far as recommendations say it. Errors:
// of the console.
Result<json> of_history(const Backend& backend, const json& arguments) {
  const Time now = backend.now();
  const int days = static_cast<int>(whole_of(arguments, "days"));
  const auto report =
      backend.get(query("report", {{"by", "run"},
                                   {"from", day_text(now, days - 1)},
                                   {"to", day_text(now)},
                                   {"team", text_of(arguments, "team")},
                                   {"model_type", text_of(arguments, "model_type")}}));
  if (!report) return fail(report.error());
  std::map<std::pair<std::string, std::string>, json> by_strategy;
  int asked = 0;
  for (const json& group : report->value("groups", json::array())) {
    const json run = group.value("run", json::object());
    if (text_field(run, "state") != "succeeded" || asked++ >= most_runs_asked) continue;
    const auto answer = backend.get("recommendations?run=" + escaped(text_field(group, "key")));
    if (!answer) {
      if (answer.error().kind == ErrorKind::not_found) continue;
      return fail(answer.error());
    }
    for (const json& one : answer->value("recommendations", json::array())) {
      json& sum = by_strategy[{text_field(*answer, "model_type"), text_field(one, "strategy")}];
      const json saved = one.value("savings_microusd", json::object());
      sum["low"] = whole_of(sum, "low") + whole_of(saved, "low");
      sum["high"] = whole_of(sum, "high") + whole_of(saved, "high");
      sum["runs"].push_back(text_field(group, "key"));
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
