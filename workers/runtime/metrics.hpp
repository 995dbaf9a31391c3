#pragma once
// Counters, gauges and histograms in the Prometheus text format. Each is created once and lives as
// long as the Metrics that made it; updating is lock-free and safe from any thread, creating and
// rendering take a lock.
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace oppen::runtime {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  void add(double amount = 1);
  double value() const;

 private:
  std::atomic<double> value_{0};
};

class Gauge {
 public:
  void set(double value);
  void add(double amount);
  double value() const;

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  explicit Histogram(std::vector<double> upper_bounds);
  void observe(double value);

 private:
  friend class Metrics;
  std::vector<double> upper_bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;  // one more than bounds: +Inf
  std::atomic<double> sum_{0};
};

class Metrics {
 public:
  // The same name and labels give the same object. A name must keep its type and help (else
  // std::logic_error: a defect).
  Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // `upper_bounds` ascending; the default suits latencies from 1 ms to a minute, in seconds.
  Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels = {},
                       std::vector<double> upper_bounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                           0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60});
  // The page for /metrics (text format 0.0.4), families in order of name.
  std::string render() const;

  Metrics();
  ~Metrics();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::runtime
