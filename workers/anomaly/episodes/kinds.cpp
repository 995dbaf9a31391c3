#include "workers/anomaly/episodes/kinds.hpp"

#include <algorithm>
#include <array>

#include "schemas/job.hpp"

namespace oppen::anomaly {
namespace {

using std::chrono::minutes;

bool is_any(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool share(const Labels& labels, const Labels& others, std::initializer_list<const char*> names) {
  return std::all_of(names.begin(), names.end(), [&](const char* name) {
    const auto one = labels.find(name);
    const auto other = others.find(name);
    return one != labels.end() && other != others.end() && one->second == other->second;
  });
}

}  // namespace

// Those that inhibit others stand before them.
const std::vector<Kind>& all_kinds() {
  // clang-format off
  static const std::vector<Kind> kinds = {
      {"gpu_fault", minutes{0}, minutes{0}},  // the rule itself waits for an hour without
      {"telemetry_stopped", minutes{0}, minutes{2}},
      {"gpu_hot", minutes{2}, minutes{5}},
      {"gpu_throttled", minutes{5}, minutes{5}},
      {"gpu_idle_held", minutes{30}, minutes{10}},
      {"wasteful_pod", minutes{30}, minutes{10}},
      {"gpu_underutilized", minutes{30}, minutes{10}},
      {"gpu_saturated", minutes{30}, minutes{10}},
      {"queue_stalled", minutes{15}, minutes{0}},
      {"failure_burst", minutes{0}, minutes{10}},
      {"budget_exceeded", minutes{0}, minutes{0}},
      {"budget_threshold", minutes{0}, minutes{0}},
      {"cost_spike", minutes{5}, minutes{30}},
      {"unusual", minutes{10}, minutes{10}},  // the next value says so, too
      {"worker_lagging", minutes{0}, minutes{2}},
  };
  // clang-format on
  return kinds;
}

Kind kind_of(std::string_view name) {
  const auto& kinds = all_kinds();
  const auto found =
      std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.name == name; });
  return found == kinds.end() ? Kind{name, minutes{5}, minutes{5}} : *found;
}

bool inhibits(std::string_view kind, const Labels& labels, std::string_view other,
              const Labels& other_labels) {
  if (kind == "gpu_fault") {
    const auto what = labels.find("class");
    return what != labels.end() && what->second == "hardware" &&
           is_any(other, {"gpu_underutilized", "gpu_idle_held", "wasteful_pod"}) &&
           share(labels, other_labels, {"node"});
  }
  if (kind == "gpu_idle_held") {
    return is_any(other, {"gpu_underutilized", "wasteful_pod"}) &&
           share(labels, other_labels, {"namespace", "pod"});
  }
  if (kind == "wasteful_pod")
    return other == "gpu_underutilized" && share(labels, other_labels, {"namespace", "pod"});
  if (kind == "gpu_hot")
    return other == "gpu_throttled" && share(labels, other_labels, {"gpu_uuid"});
  if (other == "unusual") {
    const auto series = other_labels.find("series");
    if (series == other_labels.end()) return false;
    return (kind == "cost_spike" && series->second == "cost_rate" &&
            (!labels.contains("team") || !other_labels.contains("team") ||
             share(labels, other_labels, {"team"}))) ||
           (kind == "queue_stalled" && series->second == "queue_depth") ||
           (kind == "failure_burst" && series->second == "failures");
  }
  if (kind == "budget_exceeded")
    return other == "budget_threshold" && share(labels, other_labels, {"budget"});
  return false;
}

std::string fingerprint_of(const std::string& kind, const Labels& labels) {
  std::string text = kind;
  for (const auto& [name, value] : labels) text += '\n' + name + '=' + value;
  return short_digest(text);
}

}  // namespace oppen::anomaly
