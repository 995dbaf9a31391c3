// How long a month's report takes, from Redis to the answer's JSON as the console makes it, with the runs in the books that
// bench-cost-books has put there.
#include "bench/support/must.hpp"
#include "bench/support/report.hpp"
#include "workers/cost/books/books.hpp"
#include "workers/cost/report/report.hpp"
#include "workers/runtime/worker_settings.hpp"

namespace oppen::bench {
namespace {

constexpr auto doing = "making a report";
constexpr std::chrono::days range_days{30};
constexpr std::size_t most_listed = 2'000;  // as the console asks

std::int64_t report_month(cost::Books& books, const cost::ReportFilter& filter, cost::GroupBy by,
                          std::chrono::sys_days from) {
  cost::ReportInput input;
  input.range = {from, from + range_days};
  input.by = by;
  input.filter = filter;
  input.days = must(books.days(input.range.from, input.range.to), doing);
  const auto before = input.range.before();
  input.earlier = must(books.days(before.from, before.to), doing);
  auto runs =
      must(books.runs(input.range.from, input.range.to, {filter.team, "", ""}, most_listed), doing);
  input.runs = std::move(runs.runs);
  input.all_runs = runs.all;
  const auto report = cost::make_report(input, Time(input.range.to));
  if (cost::to_json(report).dump().empty()) give_up(doing, "it is empty");
  return report.total.spent.total_microusd;
}

}  // namespace
}  // namespace oppen::bench

int main(int argc, char** argv) {
  using namespace oppen;
  using namespace oppen::bench;
  runtime::WorkerSettings common;
  bool quick = false;
  std::string results;
  runtime::Settings settings("bench-cost-month", "Measures a month's report.");
  common.declare(settings, "");
  settings.add(quick, {.name = "quick", .help = "Fewer reports."});
  settings.add(results, {.name = "results", .help = "Where the results go as JSON."});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;

  const auto redis = must(runtime::Redis::create(common.redis_url), doing);
  cost::Books books(*redis, common.topic_prefix);
  const auto from = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()) -
                    range_days - std::chrono::days(1);
  Samples by_team;
  Samples of_nobody;
  std::int64_t total = 0;
  for (int turn = 0; turn < (quick ? 5 : 20); ++turn) {
    auto start = SteadyClock::now();
    total = report_month(books, {}, cost::GroupBy::team, from);
    by_team.add(SteadyClock::now() - start);
    start = SteadyClock::now();
    report_month(books, {"nobody", "", ""}, cost::GroupBy::run, from);
    of_nobody.add(SteadyClock::now() - start);
  }
  if (total <= 0) give_up(doing, "the books are empty: bench-cost-books fills them");

  Report report;
  report.claim("month", "report of a month with the runs that books has put there");
  report.measured("cost of the month", static_cast<double>(total) / 1e6, "USD");
  report.measured("report of the month by team", by_team);
  report.measured("the same by run of a team that has none, for which 20,000 runs are looked at",
                  of_nobody);
  report.bar("the slowest of these reports", std::max(by_team.max(), of_nobody.max()), 1000, "ms");
  if (!results.empty() && !report.write(results)) give_up("writing the results", results);
  return 0;
}
