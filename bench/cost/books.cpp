// What a run takes in Redis once it is over, with many of them in the books. They get there by the worker's own way: the ledger
// charges them, and its store commits them.

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "bench/support/must.hpp"
#include "bench/support/report.hpp"
#include "workers/cost/store/ledger_store.hpp"
#include "workers/runtime/worker_settings.hpp"

namespace oppen::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto doing = "filling the books";
constexpr std::chrono::days range_days{30};
constexpr std::size_t at_once = 500;

double used_memory(runtime::Redis& redis) {
  const auto text = must(redis.command({"INFO", "memory"}), doing).text;
  const std::string name = "\nused_memory:";
  const auto found = text.find(name);
  if (found == std::string::npos) give_up(doing, "INFO memory has no used_memory");
  return std::strtod(text.c_str() + found + name.size(), nullptr);
}

struct Filling {
  std::size_t runs = 0;
  Time from{};

  Time start(std::size_t number) const {
    return from + std::chrono::milliseconds(range_days) / runs * number;
  }
};

// A job with a name of its own, as the worker knows it at its end.
void tell(cost::Ledger& ledger, const Filling& filling, std::size_t number) {
  cost::Fact fact;
  fact.job_id = fmt::format("mnist-{:06x}-{:06x}", number * 7919 % 0xffffff, number);
  fact.attempt = 1;
  fact.seq = 4;
  fact.started_at = filling.start(number);
  fact.ended_at = *fact.started_at + 20s;
  auto& bearer = fact.bearer;
  bearer.usage.resources = {8, std::nullopt, "", 48'000, std::int64_t{192} << 30};
  bearer.usage.gpu_type = "A100";
  bearer.pod = fact.job_id + "-1";
  bearer.pod_namespace = "ml-training";
  bearer.model_type = "mnist";
  bearer.workload_type = "training";
  bearer.team = fmt::format("team-{}", number % 20);
  bearer.project = fmt::format("digits-{}", number % 50);
  fact.told = cost::Told{fmt::format("digits-sweep-{}", number), "kim", "succeeded", true, 3, 64};
  fact.told->metrics = {{"accuracy", 0.9123}};
  ledger.apply(fact);
  // As telemetry tells.
  auto& record = ledger.job(fact.job_id).run.record;
  record.gpu_utilization_percent = 51.25 + static_cast<double>(number % 30);
  record.gpu_utilization_max_percent = 90;
  record.utilization_source = "sm_active";
  record.gpu_memory_max_mb = 1002;
  record.cpu_cores_mean = 1.25;
  record.cpu_cores_max = 1.5;
  record.memory_max_bytes = 2e9;
  record.spent.measured_microusd = 12'000;
  record.spent.effective_microusd = 6'000;
}

// Seconds that it took.
double fill(cost::LedgerStore& store, const Filling& filling) {
  const auto begin = SteadyClock::now();
  const pricing::RateHistory rates;
  cost::Ledger ledger(rates);
  auto claim = must(store.claim(0), doing);
  for (std::size_t first = 0; first < filling.runs; first += at_once) {
    for (auto number = first; number < std::min(filling.runs, first + at_once); ++number)
      tell(ledger, filling, number);
    // The last ones begin just before the range ends.
    const auto charges = ledger.charge(filling.from + range_days + 1min, 4 * at_once);
    cost::Change change;
    change.costs = static_cast<std::int64_t>(first);
    for (const auto& charge : charges) change.charges.push_back(&charge);
    const auto changed = ledger.take_changed();
    for (const auto& id : changed) change.jobs.emplace_back(id, &ledger.job(id));
    must(store.commit(claim, change), doing);
    for (const auto& id : changed) ledger.stored(id);
    // It is published what they could have saved, and they leave the list of those of which it is not.
    cost::Change advised;
    for (const auto& id : changed) advised.advised.push_back({id});
    must(store.commit(claim, advised), doing);
  }
  if (!ledger.jobs().empty()) give_up(doing, "a run is not settled");
  cost::Change all_published;
  all_published.costs = static_cast<std::int64_t>(filling.runs);
  must(store.commit(claim, all_published), doing);
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

}  // namespace
}  // namespace oppen::bench

int main(int argc, char** argv) {
  using namespace oppen;
  using namespace oppen::bench;
  runtime::WorkerSettings common;
  bool quick = false;
  std::string results;
  runtime::Settings settings("bench-cost-books", "Measures what runs take in Redis.");
  common.declare(settings, "");
  settings.add(quick, {.name = "quick", .help = "A tenth of the runs."});
  settings.add(results, {.name = "results", .help = "Where the results go as JSON."});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;

  const auto redis = must(runtime::Redis::create(common.redis_url), doing);
  cost::LedgerStore store(*redis, common.topic_prefix);
  // Days that are over, and are kept for long yet.
  const auto from = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()) -
                    range_days - std::chrono::days(1);
  const Filling filling{quick ? 100'000U : 1'000'000U, Time(from)};
  const double before = used_memory(*redis);
  const double seconds = fill(store, filling);
  const double bytes = (used_memory(*redis) - before) / static_cast<double>(filling.runs);

  Report report;
  report.claim(
      "books",
      fmt::format("{} runs of one attempt that were charged and are over, each with a name "
                  "of its own, put into the books as the cost worker does; then reports of "
                  "their month, from Redis to the answer's JSON",
                  filling.runs));
  report.measured("a second put in", static_cast<double>(filling.runs) / seconds, "1/s");
  report.bar("growth of Redis' used_memory for each run", bytes, 500, "bytes");
  if (!results.empty() && !report.write(results)) give_up("writing the results", results);
  return 0;
}
