// What questions take with a long queue and full books, asked of the console, and by the agent's tools; beside them, what a bare request
// costs on the same way. The runs get into the books by the cost worker's own way: its ledger charges them, its store commits them.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "bench/plan/ask.hpp"
#include "bench/support/process_memory.hpp"
#include "producers/agent/live_backend.hpp"
#include "producers/agent/tool.hpp"
#include "producers/agent/tools.hpp"
#include "schemas/control.hpp"
#include "workers/cost/store/ledger_store.hpp"

namespace {

using namespace oppen;
using namespace std::chrono_literals;

constexpr auto filling = "filling the books";
constexpr std::size_t at_once = 500;
constexpr double dashboard_bar_ms = 200;
constexpr double question_bar_ms = 100;
constexpr double console_bar_mb = 50;
constexpr int proposals = 1'000;
constexpr int proposals_of_tools = 20;  // which are told of when none is named

std::string run_id(std::size_t number) { return fmt::format("mnist-{:06}", number); }

// A job as the worker knows it at its end; they follow one another from `from` on.
cost::Fact run(std::size_t number, Time from, std::chrono::milliseconds apart) {
  cost::Fact fact;
  fact.job_id = run_id(number);
  fact.attempt = 1;
  fact.seq = 4;
  fact.started_at = from + number * apart;
  fact.ended_at = *fact.started_at + 20s;
  auto& bearer = fact.bearer;
  bearer.usage.resources = {1, std::nullopt, "", 1'000, std::int64_t{2} << 30};
  bearer.usage.gpu_type = "A100";
  bearer.pod = fact.job_id + "-1";
  bearer.pod_namespace = "ml-training";
  // 50 projects of 20 teams, with three models each.
  const auto project = number % 50;
  bearer.model_type = fmt::format("model-{}", (3 * project + number % 3) % 30);
  bearer.workload_type = "training";
  bearer.team = fmt::format("team-{}", project % 20);
  bearer.project = fmt::format("project-{}", project);
  fact.told = cost::Told{fmt::format("sweep-{}", number), "kim", "succeeded", true, 3, 64};
  fact.told->metrics = {{"accuracy", 0.9123}};
  return fact;
}

// Over the last 30 days.
void fill_books(bench::Bench& bench, std::size_t runs) {
  const auto now =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const Time from = std::chrono::floor<std::chrono::days>(now) - std::chrono::days(29);
  const auto apart = std::chrono::duration_cast<std::chrono::milliseconds>(now - 60s - from) /
                     static_cast<int>(runs);
  const pricing::RateHistory rates;
  cost::Ledger ledger(rates);
  cost::LedgerStore store(bench.redis(), bench.options().common.topic_prefix);
  auto claim = bench::must(store.claim(0), filling);
  for (std::size_t first = 0; first < runs; first += at_once) {
    for (auto number = first; number < std::min(runs, first + at_once); ++number)
      ledger.apply(run(number, from, apart));
    const auto charges = ledger.charge(now, 4 * at_once);
    cost::Change change;
    change.costs = static_cast<std::int64_t>(first);
    for (const auto& charge : charges) change.charges.push_back(&charge);
    const auto changed = ledger.take_changed();
    for (const auto& id : changed) change.jobs.emplace_back(id, &ledger.job(id));
    bench::must(store.commit(claim, change), filling);
    for (const auto& id : changed) ledger.stored(id);
  }
}

// A queued job that is not the first.
std::string some_queued_job(bench::Ask& ask) {
  bench::Samples untimed;
  const auto page = nlohmann::json::parse(ask("/api/v1/jobs?state=queued&limit=100", untimed));
  return page.at("jobs").at(50).at("job_id");
}

nlohmann::json spot_of(const std::string& job_id) {
  return {{"job_id", job_id}, {"changes", {{"spot", true}}}};
}

// Proposals as they pile up on `control`.
void fill_proposals(bench::Bench& bench, const std::string& job_id) {
  for (int i = 0; i < proposals; ++i) {
    ProposalCreated one;
    one.proposal_id = fmt::format("bench-{}", i);
    one.kind = i < proposals_of_tools ? "optimization" : "cost_spike";
    one.summary = "Run it on spot nodes";
    one.changes = spot_of(job_id);
    one.evidence = {{"cost_before_microusd", 31'400}};
    one.expires_at = SystemClock().now() + 24h;
    bench::must(bench.client().propose(one), "proposing");
    if (i < proposals_of_tools)
      bench::must(bench.client().decide({one.proposal_id, "", "reject", "kim", "measured"}),
                  "deciding");
  }
}

// What each tool that only reads is asked; one that is not here ends the bench.
std::multimap<std::string, nlohmann::json> questions_of_tools(const std::string& job_id,
                                                              std::size_t runs) {
  const auto old_run = run_id(runs / 2);
  return {
      {"get_queue_status", {{"limit", 10}}},
      {"list_queued_jobs", {{"limit", 100}}},
      {"get_training_dashboard", {{"limit", 10}}},
      {"recommend_cost_optimization", {{"run_id", old_run}}},
      {"forecast_training_cost", {{"job_name", job_id}, {"remaining_epochs", 3}}},
      {"check_training_budget", {{"model_type", "mnist"}, {"runs", 10}, {"budget_usd", 0.05}}},
      {"get_training_cost_report", {{"by", "run"}}},
      {"compare_training_configs",
       {{"configs",
         {{{"model_type", "mnist"}, {"epochs", 2}}, {{"model_type", "mnist"}, {"epochs", 4}}}}}},
      {"get_training_status", {{"job", job_id}}},
      {"list_training_runs", {{"days", 30}}},
      {"get_training_metrics", {{"run_id", old_run}}},
      {"compare_training_runs", {{"run_ids", {old_run, run_id(runs / 3)}}}},
      {"analyze_costs", {{"days", 30}}},
      {"propose_optimizations", {{"days", 30}}},
      {"simulate_optimization", {{"changes", spot_of(job_id)}}},
      {"simulate_optimization", {{"changes", {{"key", "max_concurrent_jobs"}, {"value", "50"}}}}},
      {"get_optimization_effect", nlohmann::json::object()},
      {"get_optimization_effect", {{"proposal_id", "bench-500"}}}};
}

void measure_tools(bench::Bench& bench, bench::Report& report, std::size_t runs) {
  const int calls = bench.samples(50, 10);
  bench::Ask ask(bench.options().console_url);
  const auto job_id = some_queued_job(ask);
  fill_proposals(bench, job_id);
  access::Endpoints endpoints;
  endpoints.kafka_brokers = bench.options().common.kafka_brokers;
  endpoints.kafka_properties = bench.options().common.kafka_properties;
  endpoints.topic_prefix = bench.options().common.topic_prefix;
  endpoints.console_url = bench.options().console_url;
  agent::LiveBackend backend(endpoints);
  const auto asked = questions_of_tools(job_id, runs);
  bench::Samples cold;
  ask("/api/v1/jobs/" + job_id + "/explain", cold);
  report.claim("tools",
               fmt::format("the same, by the agent's tools, with {} proposals", proposals));
  constexpr auto first_question = "the first question to the scheduler";
  report.measured(first_question, cold);
  report.bar(std::string("p99 of ") + first_question, cold.percentile(99), question_bar_ms, "ms");
  for (const auto& tool : agent::all_tools()) {
    if (tool.effect != agent::Effect::read) continue;
    const auto [first, last] = asked.equal_range(tool.name);
    if (first == last) bench::give_up("asking " + tool.name, "the bench has no arguments for it");
    for (auto one = first; one != last; ++one) {
      bench::Samples samples;
      auto arguments = one->second;
      for (int i = 0; i < calls; ++i) {
        // As above: of the dashboard what was shown last is kept.
        if (tool.name == "get_training_dashboard") arguments["limit"] = 10 + i % 2;
        const auto begin = bench::SteadyClock::now();
        const auto outcome = agent::call(tool, backend, arguments);
        samples.add(bench::SteadyClock::now() - begin);
        if (!outcome) bench::give_up("asking " + tool.name, outcome.error().message);
      }
      const auto name = tool.name + " " + one->second.dump().substr(0, 60);
      report.measured(name, samples);
      report.bar("p99 of " + name, samples.percentile(99),
                 tool.name == "get_training_dashboard" ? dashboard_bar_ms : question_bar_ms, "ms");
    }
  }
}

void measure(bench::Bench& bench, bench::Report& report) {
  const int queued = bench.samples(100'000, 20'000);
  const auto runs = static_cast<std::size_t>(bench.samples(100'000, 20'000));
  const int questions = bench.samples(200, 50);
  bench.hold_queue();
  bench.fill_queue({bench.job("1h")}, queued);
  bench.wait_outbox_empty();
  fill_books(bench, runs);

  const auto now = SystemClock().now();
  const auto of_30_days = "?from=" + agent::day_text(now, 29) + "&to=" + agent::day_text(now);
  const std::pair<const char*, std::string> asked[] = {
      {"queue", "/api/v1/queue?limit=10"},
      {"jobs", "/api/v1/jobs?state=queued&limit=100"},
      {"report", "/api/v1/report" + of_30_days},
      {"costs", "/api/v1/costs" + of_30_days},
      {"forecast of a month", "/api/v1/forecast?period=month"},
      {"forecast of a run", "/api/v1/forecast/" + run_id(runs / 2)},
      {"recommendations", "/api/v1/recommendations?run=" + run_id(runs / 2)},
      {"budgets", "/api/v1/budgets"},
      {"health", "/api/v1/health"}};
  report.claim("reads", fmt::format("{} jobs queued, {} runs in the books of the last 30 days: "
                                    "questions to the console",
                                    queued, runs));
  bench::Ask ask(bench.options().console_url);
  bench::Samples bare;
  bench::Samples dashboard;
  for (int i = 0; i < questions; ++i) {
    // What was shown last is kept for a moment, but not for another limit.
    ask(i % 2 == 0 ? "/api/v1/dashboard" : "/api/v1/dashboard?limit=11", dashboard);
    ask("/healthz", bare);
  }
  report.measured("dashboard", dashboard);
  report.bar("p99 of the dashboard", dashboard.percentile(99), dashboard_bar_ms, "ms");
  for (const auto& [name, path] : asked) {
    bench::Samples samples;
    for (int i = 0; i < questions; ++i) ask(path, samples);
    report.measured(name, samples);
    report.bar(std::string("p99 of ") + name, samples.percentile(99), question_bar_ms, "ms");
  }
  report.limit("bare GET of /healthz", bare);
  report.bar("oppen-console, at its peak",
             bench::process_memory(bench.options().console_pid).peak_mb, console_bar_mb, "MB");
  measure_tools(bench, report, runs);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_bench(argc, argv, "Measures what questions take.", measure);
}
