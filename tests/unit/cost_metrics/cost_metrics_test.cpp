// What Prometheus is told: counters that never go down, and never more series than there may be.
#include "workers/cost/worker/cost_metrics.hpp"

#include <gtest/gtest.h>

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

const Time noon = parse_rfc3339("2026-01-03T12:00:00Z").value();

CostAccrued charge(const std::string& team, std::int64_t microusd) {
  CostAccrued event;
  event.team = team;
  event.project = "digits";
  event.model_type = "mnist";
  event.total = {microusd};
  return event;
}

PodCost pod(const std::string& name, std::int64_t hourly, std::int64_t total) {
  return {name, "ml-training", "mnist", "training", {hourly}, {total}};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(CostMetrics, ACorrectionIsMadeUpForByWhatFollows) {
  runtime::Metrics metrics;
  CostMetrics costs(metrics);
  const auto value = [&] {
    return metrics
        .counter("oppen_cost_usd_total", "What has been charged, in dollars",
                 {{"team", "vision"}, {"project", "digits"}, {"model", "mnist"}})
        .value();
  };
  costs.count(charge("vision", 3'000'000));
  EXPECT_EQ(value(), 3);
  costs.count(charge("vision", -2'000'000));
  EXPECT_EQ(value(), 3);
  costs.count(charge("vision", 1'500'000));
  EXPECT_EQ(value(), 3);
  costs.count(charge("vision", 1'000'000));
  EXPECT_EQ(value(), 3.5);
}

TEST(CostMetrics, MoreTeamsThanThereMayBeAreSummed) {
  runtime::Metrics metrics;
  CostMetrics costs(metrics);
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < 100'000; ++i)
      costs.count(charge("team-" + std::to_string(i), 1'000'000));
  }
  const auto page = metrics.render();
  EXPECT_EQ(count(page, "oppen_cost_usd_total{"), CostMetrics::most_series + 1);
  EXPECT_NE(
      page.find("oppen_cost_usd_total{model=\"mnist\",project=\"digits\",team=\"team-0\"} 2\n"),
      std::string::npos);
  EXPECT_NE(
      page.find("oppen_cost_usd_total{model=\"other\",project=\"other\",team=\"other\"} 198000\n"),
      std::string::npos)
      << "nothing is lost of the sum";
  EXPECT_NE(page.find("oppen_cost_charges_without_series_total 198000\n"), std::string::npos);
}

TEST(CostMetrics, ShowsPodsThatRunAndForAWhileThoseThatEnded) {
  runtime::Metrics metrics;
  CostMetrics costs(metrics);
  EXPECT_EQ(costs.pods_page(), "");
  costs.ended(pod("gone", 0, 500'000), noon);
  costs.running({pod("runs", 250'000, 1'000)}, noon + 1min);
  const auto page = costs.pods_page();
  const std::string runs =
      R"({model="mnist",pod_name="runs",pod_namespace="ml-training",workload_type="training"} )";
  EXPECT_NE(page.find("pod_hourly_cost_usd" + runs + "0.25"), std::string::npos) << page;
  EXPECT_NE(page.find("pod_cost_usd_total" + runs + "0.001"), std::string::npos);
  EXPECT_EQ(count(page, "pod_hourly_cost_usd{"), 1U);
  EXPECT_EQ(count(page, "pod_cost_usd_total{"), 2U);
  costs.running({}, noon + 6min);
  EXPECT_EQ(count(costs.pods_page(), "pod_cost_usd_total{"), 0U);
}

TEST(CostMetrics, MorePodsThanThereMayBeAreSummed) {
  runtime::Metrics metrics;
  CostMetrics costs(metrics);
  std::vector<PodCost> pods;
  for (std::size_t i = 0; i < 100'000; ++i)
    pods.push_back(pod("p" + std::to_string(i), 1'000'000, 1));
  costs.ended(pod("gone", 0, 1), noon);
  costs.running(pods, noon);
  const auto page = costs.pods_page();
  EXPECT_EQ(count(page, "pod_hourly_cost_usd{"), CostMetrics::most_pods + 1);
  EXPECT_EQ(count(page, "pod_cost_usd_total{"), CostMetrics::most_pods);
  EXPECT_NE(
      page.find("pod_name=\"other\",pod_namespace=\"other\",workload_type=\"other\"} 98000\n"),
      std::string::npos);
  EXPECT_NE(metrics.render().find("oppen_cost_pods_without_series 98000\n"), std::string::npos);
  costs.running({pods.front()}, noon + 5s);
  EXPECT_NE(metrics.render().find("oppen_cost_pods_without_series 0\n"), std::string::npos);
}

TEST(CostMetrics, APodsTotalWaitsAfterACorrectionToo) {
  runtime::Metrics metrics;
  CostMetrics costs(metrics);
  const auto shows = [&](const std::string& value) {
    return count(costs.pods_page(), R"(workload_type="training"} )" + value + "\n");
  };
  costs.running({pod("a", 0, 3'000'000)}, noon);
  costs.running({pod("a", 0, 2'000'000)}, noon + 5s);
  EXPECT_EQ(shows("3"), 1U);
  costs.ended(pod("a", 0, 2'500'000), noon + 10s);
  costs.running({}, noon + 10s);
  EXPECT_EQ(shows("3"), 1U) << "nor at its end";
  costs.running({}, noon + 1h);
  costs.running({pod("a", 0, 1'000'000)}, noon + 1h);
  EXPECT_EQ(shows("1"), 1U) << "one that was not shown any more begins anew";
}

}  // namespace
}  // namespace oppen::cost
