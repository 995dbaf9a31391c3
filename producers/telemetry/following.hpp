#pragma once
// GPUs of a node that has none: as many as the node claims, each playing a recorded load while a pod that runs there holds it. For the
// simulated nodes of a local stack.
//
// The recording says by the pod of each of its GPUs what its load is: that of the model type of that name; that of a GPU which nobody
// holds is what an idle one does. A model type that is not in it plays the first one. A load begins when the pod began, and begins again
// when it is over.
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "producers/telemetry/pods.hpp"
#include "producers/telemetry/reading.hpp"
#include "schemas/time.hpp"

namespace oppen::telemetry {

class Loads {
 public:
  // Reads all of it. Errors: as the recording's; invalid (it has no GPU with a pod, or none without).
  static Result<Loads> read(Source& recording);

  // What a GPU does that such a pod has held for so long; of an idle one ("") after any time.
  const GpuReading& at(const std::string& model_type, std::chrono::milliseconds since) const;

 private:
  struct Load {
    std::vector<std::chrono::milliseconds> offsets;  // since the recording's begin
    std::vector<GpuReading> readings;
  };
  std::chrono::milliseconds length_{0};
  std::string first_;
  std::map<std::string, Load> loads_;  // by model type; "": idle
};

// What a simulated node has.
struct SimulatedNode {
  std::string name;
  int gpus = 0;
  std::string gpu_type;
  double memory_mb = 0;  // of each; 0: as recorded
};

class Following final : public Source {
 public:
  // Both are asked at each reading. `node` errors: as the API server's.
  using AskNode = std::function<Result<SimulatedNode>()>;
  using AskPods = std::function<std::shared_ptr<const KnownPods>()>;
  Following(std::shared_ptr<const Loads> loads, AskNode node, AskPods pods, const Clock& clock);

  std::string name() const override { return "simulated"; }
  Result<Readings> read() override;

 private:
  void place(const SimulatedNode& node, const KnownPods& pods);

  const std::shared_ptr<const Loads> loads_;
  const AskNode ask_node_;
  const AskPods ask_pods_;
  const Clock& clock_;
  std::vector<std::string> holders_;  // uid of the pod that holds each GPU, "" where nobody does
};

}  // namespace oppen::telemetry
