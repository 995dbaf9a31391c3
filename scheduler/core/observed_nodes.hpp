#pragma once
// Tells on `control` what nodes there are (node.observed): as each appears, changes and goes, for those who price or watch what the cluster
// has. What was told last is kept in Redis and changes together with the event that tells it; where Redis has lost it, the log is read
// again. So a new leader tells what has changed while nobody led, and nothing twice. Core's thread.
//
// The events of a node grow in time, so that whoever reads one again, or a stale one, sees that it knows more: the id is "node/<node>/<time in
// milliseconds>".
#include <map>
#include <string>
#include <vector>

#include "scheduler/core/state.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/control.hpp"

namespace oppen::core {

class ObservedNodes {
 public:
  explicit ObservedNodes(State& state) : state_(state) {}

  // What an earlier leader has told. Errors: of the store.
  Status load();
  // A node.observed on `control`, whoever has published it, in a record of that time: what it says has been told. Why it is to be set
  // aside, if it is. Errors: of the store.
  Result<std::optional<std::string>> on_control(const CloudEvent& event, Time recorded_at);
  // All nodes, as the API server shows them now. None: they may not be ours to read, and are not taken for gone.
  void update(const std::vector<kube::Node>& nodes) { nodes_ = nodes; }
  // Tells what is other than was told. Not before `control` has been read up to this leader's own claim, and the policies are known, which
  // name the types of GPUs. Errors: of the store.
  Status tell();

 private:
  struct Told {
    Time at{};
    NodeObserved node;
  };
  static std::string text_of(const Told& told);  // as it is stored
  NodeObserved observed(const kube::Node& node) const;

  State& state_;
  std::vector<kube::Node> nodes_;
  std::map<std::string, Told> told_;
  // As they were when tell() found nothing left to tell: the same nodes and types need not be looked at again.
  std::vector<kube::Node> looked_at_;
  std::map<std::string, std::string> types_;
};

}  // namespace oppen::core
