#pragma once
// Reads the GPUs of a node (of several, where they are simulated) and makes samples of what it reads. One thread.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "producers/telemetry/gpu_page.hpp"
#include "producers/telemetry/holders.hpp"
#include "producers/telemetry/pod_meter.hpp"
#include "producers/telemetry/pods.hpp"
#include "producers/telemetry/reading.hpp"
#include "producers/telemetry/windows.hpp"
#include "schemas/telemetry.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::telemetry {

struct Samples {
  std::vector<GpuSample> gpus;
  std::vector<PodSample> pods;
};

class Sampler {
 public:
  struct Node {
    std::string name;
    std::unique_ptr<Source> source;
  };
  struct Pods {
    std::function<std::shared_ptr<const KnownPods>()> known;
    std::function<void()> ask_again;  // a process is in a pod that is not known yet
    PodOfProcess of_process;
  };
  struct Timing {
    std::chrono::milliseconds window{10'000};
    std::chrono::milliseconds period{1'000};
    bool recorded = false;  // the readings' own times stand; else they are of now
  };

  // `meter`: none where there are no cgroups to read. Page and metrics outlive it.
  Sampler(std::vector<Node> nodes, Pods pods, std::unique_ptr<PodMeter> meter, Timing timing,
          GpuPage& page, runtime::Metrics& metrics);

  // Reads all once; the samples of what ends by it.
  Samples look(Time now);
  // What is open: before the program ends.
  Samples flush(Time now);

  // Of the last look: the first error of a source. A recording's end is none.
  const Status& status() const { return status_; }
  // Every source is a recording that has ended.
  bool over() const;

 private:
  struct Watched {
    Node node;
    Windows windows;
    runtime::Recurring trouble;
    bool over = false;
  };

  void read(Watched& watched, const KnownPods& pods, Time now, Samples& samples);
  std::vector<std::vector<Holder>> holders(const Readings& readings, const KnownPods& pods);

  std::vector<Watched> nodes_;
  const Pods pods_;
  const std::unique_ptr<PodMeter> meter_;
  const Timing timing_;
  GpuPage& page_;
  runtime::Counter& errors_;
  Status status_;
  std::map<std::string, int> asked_;  // how often for each unknown pod
};

}  // namespace oppen::telemetry
