#pragma once
// What the pods of jobs use of CPU and memory, as samples at each multiple of the window's length. Pure but for `read`; one thread.
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "producers/telemetry/cgroups.hpp"
#include "producers/telemetry/pods.hpp"
#include "schemas/telemetry.hpp"

namespace oppen::telemetry {

class PodMeter {
 public:
  using Read = std::function<std::map<std::string, PodUsage>(const std::set<std::string>& uids)>;

  PodMeter(std::string node, std::chrono::milliseconds window, Read read);

  // Looks when `now` has reached the next multiple; nothing before. A pod's first look, and one after a gap of more than two windows or
  // after the clock was set back, is where its next sample begins. CPU is the mean since the look before, memory the mean of both looks.
  std::vector<PodSample> add(Time now, const KnownPods& pods);
  // Looks now, whatever the time.
  std::vector<PodSample> look(Time now, const KnownPods& pods);

 private:
  struct Look {
    Time at{};
    PodUsage usage;
  };

  const std::string node_;
  const std::chrono::milliseconds window_;
  const Read read_;
  std::optional<std::int64_t> slot_;
  std::map<std::string, Look> before_;  // by uid
};

}  // namespace oppen::telemetry
