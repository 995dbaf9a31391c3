#include "workers/anomaly/episodes/groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace oppen::anomaly {
namespace {

constexpr std::size_t most_named = 5;

// The kinds that storms are made of, what they are about, and the label that names it.
struct Many {
  std::string_view kind;
  const char* things;
  const char* name;
};
constexpr std::array<Many, 8> manifold{{{"gpu_fault", "GPUs", "gpu_uuid"},
                                        {"telemetry_stopped", "nodes", "node"},
                                        {"gpu_hot", "GPUs", "gpu_uuid"},
                                        {"gpu_throttled", "GPUs", "gpu_uuid"},
                                        {"gpu_idle_held", "pods", "pod"},
                                        {"wasteful_pod", "pods", "pod"},
                                        {"gpu_underutilized", "pods", "pod"},
                                        {"gpu_saturated", "pods", "pod"}}};

const Many* find_many(std::string_view kind) {
  const auto* const found = std::find_if(manifold.begin(), manifold.end(),
                                         [&](const Many& one) { return one.kind == kind; });
  return found == manifold.end() ? nullptr : found;
}

std::string value_of(const Labels& labels, const char* name) {
  const auto found = labels.find(name);
  return found == labels.end() ? "" : found->second;
}

int gravity_of(std::string_view severity) {
  return severity == "critical" ? 2 : severity == "warning" ? 1 : 0;
}

}  // namespace

bool is_group(const Labels& labels) { return labels.contains("group"); }

std::optional<Labels> group_of(const Episode& one) {
  const auto* const many = find_many(one.kind);
  if (many == nullptr || is_group(one.labels)) return std::nullopt;
  Labels group{{"group", many->things}};
  if (one.severity == "critical") group["severity"] = one.severity;
  const auto take = [&](const char* name) {
    const auto value = value_of(one.labels, name);
    if (!value.empty()) group[name] = value;
    return !value.empty();
  };
  if (std::string_view(many->name) == "pod" && !take("team")) take("node");
  if (std::string_view(many->name) == "gpu_uuid") {
    take("node");
    take("class");  // of a fault: which kind of
  }
  return group;
}

Finding group_finding(const std::string& kind, const Labels& group,
                      std::vector<const Episode*> members, bool holds) {
  std::sort(members.begin(), members.end(), [](const Episode* a, const Episode* b) {
    return std::forward_as_tuple(gravity_of(b->severity), b->badness, a->labels) <
           std::forward_as_tuple(gravity_of(a->severity), a->badness, b->labels);
  });
  Finding finding;
  finding.kind = kind;
  finding.labels = group;
  finding.holds = holds;
  finding.badness = static_cast<double>(members.size());
  finding.severity = "info";
  std::string names;
  const auto* const many = find_many(kind);
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto& one = *members[i];
    if (gravity_of(one.severity) > gravity_of(finding.severity)) finding.severity = one.severity;
    if (const auto impact = one.alert.find("impact_microusd"); impact != one.alert.end())
      finding.impact =
          MicroUsd{finding.impact.value_or(MicroUsd{}).value + impact->get<std::int64_t>()};
    if (i < most_named) names += (i == 0 ? "" : ", ") + value_of(one.labels, many->name);
  }
  if (members.size() > most_named)
    names += fmt::format(" and {} more", members.size() - most_named);
  std::string where;
  for (const char* label : {"team", "node"})
    if (group.contains(label)) where = fmt::format(" of {} {}", label, group.at(label));
  finding.summary =
      fmt::format("{} {}{} at once: {}", members.size(), group.at("group"), where, names);
  if (!members.empty())
    finding.summary += ". The first: " + members.front()->alert.value("summary", "");
  return finding;
}

}  // namespace oppen::anomaly
