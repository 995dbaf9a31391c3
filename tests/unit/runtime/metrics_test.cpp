// Proves that the metrics page is what Prometheus' text format 0.0.4 asks for, and that updates
// from several threads are all counted.
#include "workers/runtime/metrics.hpp"

#include <gmock/gmock.h>

#include <stdexcept>
#include <thread>

namespace oppen::runtime {
namespace {

using testing::HasSubstr;

TEST(Metrics, RenderFamiliesInOrderOfName) {
  Metrics metrics;
  metrics.gauge("oppen_leader", "Whether this instance leads.").set(1);
  metrics.counter("oppen_drift_total", "Drift.", {{"kind", "slots"}}).add(2);
  metrics.counter("oppen_drift_total", "Drift.", {{"kind", "gpus"}}).add(0.5);
  EXPECT_EQ(metrics.render(),
            "# HELP oppen_drift_total Drift.\n"
            "# TYPE oppen_drift_total counter\n"
            "oppen_drift_total{kind=\"gpus\"} 0.5\n"
            "oppen_drift_total{kind=\"slots\"} 2\n"
            "# HELP oppen_leader Whether this instance leads.\n"
            "# TYPE oppen_leader gauge\n"
            "oppen_leader 1\n");
}

TEST(Metrics, RenderHistogramsCumulatively) {
  Metrics metrics;
  auto& histogram = metrics.histogram("wait_seconds", "Wait.", {{"a", "b"}}, {0.5, 1});
  for (const double value : {0.1, 0.5, 0.7, 3.0}) histogram.observe(value);
  EXPECT_EQ(metrics.render(),
            "# HELP wait_seconds Wait.\n"
            "# TYPE wait_seconds histogram\n"
            "wait_seconds_bucket{a=\"b\",le=\"0.5\"} 2\n"
            "wait_seconds_bucket{a=\"b\",le=\"1\"} 3\n"
            "wait_seconds_bucket{a=\"b\",le=\"+Inf\"} 4\n"
            "wait_seconds_sum{a=\"b\"} 4.3\n"
            "wait_seconds_count{a=\"b\"} 4\n");
}

TEST(Metrics, EscapeWhatWouldEndALine) {
  Metrics metrics;
  metrics.gauge("g", "back\\slash\nand line", {{"l", "a\"b\\c\nd"}}).set(-1.5);
  EXPECT_THAT(metrics.render(), HasSubstr("# HELP g back\\\\slash\\nand line\n"));
  EXPECT_THAT(metrics.render(), HasSubstr("g{l=\"a\\\"b\\\\c\\nd\"} -1.5\n"));
}

TEST(Metrics, GiveTheSameObjectForTheSameNameAndLabels) {
  Metrics metrics;
  auto& first = metrics.counter("c", "help", {{"a", "1"}});
  EXPECT_EQ(&first, &metrics.counter("c", "help", {{"a", "1"}}));
  EXPECT_NE(&first, &metrics.counter("c", "help", {{"a", "2"}}));
  EXPECT_THROW(metrics.gauge("c", "help"), std::logic_error);
  EXPECT_THROW(metrics.counter("c", "other help"), std::logic_error);
}

TEST(Metrics, CountFromSeveralThreads) {
  Metrics metrics;
  auto& counter = metrics.counter("c", "help");
  auto& histogram = metrics.histogram("h", "help", {}, {1});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 1000; ++n) {
          counter.add();
          histogram.observe(2);
        }
      });
    }
    EXPECT_THAT(metrics.render(), HasSubstr("# TYPE c counter"));
  }
  EXPECT_EQ(counter.value(), 4000);
  EXPECT_THAT(metrics.render(), HasSubstr("h_sum 8000\nh_count 4000\n"));
}

}  // namespace
}  // namespace oppen::runtime
