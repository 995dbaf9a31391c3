#pragma once
// The pods that readings are attributed to, as the API server lists them. Plain values; a KnownPods never changes once it is made.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schemas/error.hpp"
#include "schemas/time.hpp"

namespace oppen::telemetry {

struct KnownPod {
  std::string uid;
  std::string name;
  std::string pod_namespace;
  std::string node;
  std::string job_id;  // of the labels of the contract; "" and absent: no job's pod
  std::optional<int> attempt;
  std::string model_type;
  int gpus = 0;       // that it asks for
  Time started_at{};  // by its kubelet; the epoch before
};

class KnownPods {
 public:
  KnownPods() = default;
  explicit KnownPods(std::vector<KnownPod> pods);

  const std::vector<KnownPod>& all() const { return pods_; }
  // nullptr where there is none.
  const KnownPod* by_uid(const std::string& uid) const;
  const KnownPod* by_name(const std::string& pod_namespace, const std::string& name) const;

 private:
  std::vector<KnownPod> pods_;
  std::unordered_map<std::string, std::size_t> uids_;
  std::unordered_map<std::string, std::size_t> names_;  // "namespace/name"
};

// One page of a PodList. What is absent or malformed in a pod stays at its default; a pod without uid or name is passed over.
// Errors: invalid (no PodList).
struct PodPage {
  std::vector<KnownPod> pods;
  std::string continue_token;
};
Result<PodPage> parse_pods(std::string_view text);

}  // namespace oppen::telemetry
