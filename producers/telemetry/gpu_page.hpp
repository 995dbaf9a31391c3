#pragma once
// The metrics nvidia_smi_* of the contract, of the last reading of each node: a pod that has let go of its GPU is gone from the page, so
// that labels do not add up. Any thread.
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "producers/telemetry/holders.hpp"
#include "producers/telemetry/reading.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::telemetry {

class GpuPage {
 public:
  // `holders`: of each GPU, in their order. Of a GPU that pods share, each has its share of utilisation and power, and its processes'
  // memory (its share, where that is not known); the temperature is the device's. What is not told has no line.
  void set(const std::string& node, const Readings& readings,
           const std::vector<std::vector<Holder>>& holders);
  // The source does not answer: no lines rather than old ones.
  void clear(const std::string& node);

  // In the Prometheus text format.
  std::string render() const;

 private:
  struct Line {
    const char* name;
    const char* help;
    runtime::Labels labels;
    double value;
  };

  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Line>> nodes_;
};

}  // namespace oppen::telemetry
