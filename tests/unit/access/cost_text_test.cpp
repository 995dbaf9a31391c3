// Proves how reports, forecasts and comparisons read in a terminal: the tables, what is left out where it isn't known, and narrow
// terminals.
#include "producers/access/cost_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace oppen::access {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

json the_report() {
  return json::parse(R"({"from":"2026-01-01","to":"2026-01-31","by":"team","ongoing":true,
      "groups":[{"key":"vision","total_microusd":24800,"gpu_microusd":20667,"cpu_microusd":4133,"memory_microusd":0,"gpu_hours":0.0827,
                 "run_hours":0.0827,"runs":1,"average_microusd":24800,"share_percent":54.746},
                {"key":"","total_microusd":20500,"gpu_microusd":17083,"cpu_microusd":3417,"memory_microusd":0,"gpu_hours":0.0683,
                 "run_hours":0.0683,"runs":1,"average_microusd":20500,"share_percent":45.254}],
      "total":{"total_microusd":45300,"gpu_microusd":37750,"cpu_microusd":7550,"memory_microusd":0,"gpu_hours":0.151,"run_hours":0.151,
               "runs":2,"average_microusd":22650,"mean_run_seconds":271.8,"measured_percent":50,"effective_microusd":9000,
               "wasted_microusd":9875,"effective_percent":47.7},
      "before":{"from":"2025-12-01","to":"2025-12-31","total_microusd":30200,"change_microusd":15100,"change_percent":50}})");
}

TEST(CostText, OfAReport) {
  EXPECT_EQ(
      report_text(the_report(), 0),
      "Cost of 2026-01-01 to 2026-01-31 (so far), by team\n"
      "\n"
      "TEAM       COST   SHARE  RUNS  PER RUN  GPU HOURS      GPU      CPU   MEMORY   WASTED\n"
      "vision  $0.0248  54.7 %     1  $0.0248       0.08  $0.0207  $0.0041  $0.0000\n"
      "(none)  $0.0205  45.3 %     1  $0.0205       0.07  $0.0171  $0.0034  $0.0000\n"
      "total   $0.0453             2  $0.0227       0.15  $0.0378  $0.0076  $0.0000  $0.0099\n"
      "\n"
      "2 runs, $0.0227 each on average, which ran for 4m 32s.\n"
      "GPU use: measured for 50 % of their cost; of that $0.0090 (48 %) worked, $0.0099 was "
      "wasted.\n"
      "Before (2025-12-01 to 2025-12-31): $0.0302, so +$0.0151 (+50 %) so far.\n");
}

TEST(CostText, OfAReportWithIdleGpus) {
  auto report = the_report();
  report["idle"] = json::parse(
      R"({"capacity_microusd":8760000,"taken_microusd":435000,"idle_microusd":8625000,"idle_gpu_hours":29.0,"unreconciled_microusd":300000,
      "gpu_types":[{"gpu_type":"A100","capacity_microusd":8400000,"taken_microusd":0,"idle_microusd":8400000,"idle_gpu_hours":24.0,"unreconciled_microusd":0},
      {"gpu_type":"T4","capacity_microusd":360000,"taken_microusd":435000,"idle_microusd":225000,"idle_gpu_hours":5.0,"unreconciled_microusd":300000}],
      "nodes":[{"node":"n1","idle_microusd":8400000},{"node":"n2","idle_microusd":225000},{"node":"","idle_microusd":0}]})");
  EXPECT_THAT(report_text(report, 0),
              HasSubstr("\nGPUs of the nodes, at list prices:\n"
                        "GPU TYPE  CAPACITY    TAKEN     IDLE  IDLE HOURS  UNRECONCILED\n"
                        "A100         $8.40  $0.0000    $8.40       24.00\n"
                        "T4         $0.3600  $0.4350  $0.2250        5.00       $0.3000\n"
                        "total        $8.76  $0.4350    $8.63       29.00       $0.3000\n"
                        "Most idle: n1 $8.40, n2 $0.2250.\n"));
}

TEST(CostText, OfAReportInANarrowTerminal) {
  const auto text = report_text(the_report(), 40);
  EXPECT_THAT(text, HasSubstr("TEAM       COST   SHARE  RUNS  PER RUN\n"));
  EXPECT_THAT(text, Not(HasSubstr("MEMORY")));
}

TEST(CostText, OfAReportByRun) {
  auto report = the_report();
  report["by"] = "run";
  report["groups"] =
      json::parse(R"([{"key":"mnist-1","total_microusd":20500,"runs":1,"share_percent":45.254,
      "run":{"state":"succeeded","model_type":"mnist","run_seconds":246,"metrics":{"accuracy":0.987}}},
      {"key":"","rest":true,"total_microusd":24800}])");
  const auto text = report_text(report, 0);
  EXPECT_THAT(
      text,
      HasSubstr("mnist-1               mnist  succeeded  4m 6s  $0.0205  45.3 %     0.987\n"));
  EXPECT_THAT(text, HasSubstr("(other days or runs)"));
}

TEST(CostText, OfAReportOfNothing) {
  const auto text = report_text(
      json::parse(
          R"({"from":"2024-02-01","to":"2024-02-29","by":"model","groups":[],"ongoing":false,
      "total":{"total_microusd":0,"runs":0},"kept_from":"2024-11-29"})"),
      0);
  EXPECT_EQ(text,
            "Cost of 2024-02-01 to 2024-02-29, by model\n"
            "Nothing has been charged in these days.\n"
            "What was charged before 2024-11-29 is not kept.\n");
}

TEST(CostText, OfAForecast) {
  const auto text = cost_forecast_text(json::parse(
      R"({"job_id":"mnist-1","name":"nightly","state":"running","basis":"progress","begun":true,
      "model_type":"mnist","epochs":5,"epochs_done":3,"history_runs":0,"interval_percent":95,"spent_microusd":15000,
      "total_microusd":{"low":18454,"expected":25000,"high":31546},"left_seconds":{"low":41.4,"expected":120,"high":198.6},
      "end":{"low":"2026-01-03T12:03:41.444Z","expected":"2026-01-03T12:05:00.000Z","high":"2026-01-03T12:06:18.556Z"}})"));
  EXPECT_EQ(text,
            "mnist-1 (nightly) will have cost $0.0250.\n"
            "  Total      in 95 of 100 cases $0.0185 to $0.0315\n"
            "  So far     $0.0150\n"
            "  Epochs     3 of 5 done\n"
            "  Left       2m 0s (41s to 3m 19s)\n"
            "  End        2026-01-03T12:05:00Z (2026-01-03T12:03:41Z to 2026-01-03T12:06:18Z)\n"
            "  From       the epochs it has done\n");
  EXPECT_EQ(
      cost_forecast_text(json::parse(
          R"({"job_id":"a","state":"succeeded","basis":"ended","total_microusd":{"expected":20500}})")),
      "a is over (succeeded) and has cost $0.0205.\n");
  EXPECT_EQ(
      cost_forecast_text(json::parse(
          R"({"job_id":"a","state":"failed","basis":"charging","total_microusd":{"expected":0}})")),
      "a is over (failed), but not charged to its end yet: $0.0000 so far.\n");
}

TEST(CostText, OfAForecastByHistory) {
  const auto text = cost_forecast_text(json::parse(
      R"({"job_id":"a","state":"queued","basis":"history","begun":false,"model_type":"mnist","history_runs":12,"other_gpus":true,
      "covered":{"runs":11,"held":10},"interval_percent":95,"spent_microusd":0,"as_of":"2026-01-03T12:00:00.000Z",
      "start":"2026-01-03T22:00:00.000Z","total_microusd":{"low":1,"expected":10250,"high":31546},
      "left_seconds":{"low":41.4,"expected":120,"high":198.6}})"));
  EXPECT_THAT(text, HasSubstr("a has not begun; if it began at 2026-01-03T22:00:00Z, it would "
                              "cost $0.0103.\n"));
  EXPECT_THAT(text, HasSubstr("12 finished runs of mnist on other numbers of GPUs"));
  EXPECT_THAT(text, HasSubstr("Held       for 10 of 11 runs like it,"));
}

TEST(CostText, OfAPeriodsForecast) {
  const auto text = period_forecast_text(json::parse(
      R"({"period":"month","from":"2026-01-01","to":"2026-01-31","team":"vision","days_known":40,"spent_microusd":19500000,
      "interval_percent":80,"total_microusd":{"low":28000000,"expected":33000000,"high":40500000},
      "runs_at_work":2,"runs_left_microusd":10000000,"runs_begun_microusd":5500000})"));
  EXPECT_EQ(text,
            "This month (2026-01-01 to 2026-01-31), of team vision, will have cost $33.00.\n"
            "  Total      in 80 of 100 cases $28.00 to $40.50\n"
            "  So far     $19.50\n"
            "  At work    2 runs, which will still cost $10.00 in it\n"
            "  From       40 whole days and the runs at work and begun lately\n");
  EXPECT_THAT(period_forecast_text(json::parse(
                  R"({"period":"quarter","from":"2026-01-01","to":"2026-03-31","days_known":3,
                  "spent_microusd":0,"total_microusd":{"expected":0}})")),
              HasSubstr("it takes more whole days"));
}

TEST(CostText, OfAComparison) {
  const auto text =
      comparison_text(json::parse(R"({"interval_percent":95,"cheapest":"big","configurations":[
      {"name":"small","model_type":"mnist","epochs":2,"batch_size":64,"resources":{"gpus":1,"gpu_type":"T4"},"basis":"catalogue","history_runs":0,
       "seconds":{"low":100,"expected":246,"high":600},"cost_microusd":{"low":8000,"expected":20500,"high":50000},"measured_runs":0},
      {"name":"big","model_type":"mnist","epochs":2,"batch_size":128,"resources":{"gpus":1},"basis":"history","history_runs":12,
       "seconds":{"low":100,"expected":123,"high":150},"cost_microusd":{"low":8000,"expected":10250,"high":12500},"measured_runs":3,
       "latency_p99_ms":42,"cost_per_1000_inferences_microusd":4}]})"),
                      0);
  EXPECT_THAT(
      text,
      HasSubstr(
          "small          mnist       2     64  1 T4     4m 6s  $0.0205 ($0.0080 to $0.0500)\n"));
  EXPECT_THAT(text, HasSubstr("$0.0103 ($0.0080 to $0.0125)     $0.0000040  42 ms\n"));
  EXPECT_THAT(text, HasSubstr("Cheapest: big\n"));
  EXPECT_THAT(text, HasSubstr("small: time from the model catalogue's seconds per epoch: no run of "
                              "mnist has finished yet\n"));
  EXPECT_THAT(text, HasSubstr("big: time from 12 finished runs of mnist; latency and throughput "
                              "from 3 runs like it\n"));
}

}  // namespace
}  // namespace oppen::access
