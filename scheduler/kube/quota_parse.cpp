#include "scheduler/kube/quota_parse.hpp"

#include <algorithm>

#include "scheduler/kube/json_read.hpp"
#include "scheduler/kube/names.hpp"
#include "scheduler/kube/pod_parse.hpp"

namespace oppen::kube {
namespace {

enum class Unit { count, millicores, bytes };

struct Bound {
  const char* resource;  // in a quota's `hard`
  const char* amount;    // in Quota::hard
  Unit unit;
};
// Our pods ask for what they are limited to, so that a bound on limits bounds requests too.
constexpr Bound bounds[] = {
    {"pods", "pods", Unit::count},
    {"count/pods", "pods", Unit::count},
    {"requests.nvidia.com/gpu", "gpus", Unit::count},
    {"cpu", "cpu_millicores", Unit::millicores},
    {"requests.cpu", "cpu_millicores", Unit::millicores},
    {"limits.cpu", "cpu_millicores", Unit::millicores},
    {"memory", "memory_bytes", Unit::bytes},
    {"requests.memory", "memory_bytes", Unit::bytes},
    {"limits.memory", "memory_bytes", Unit::bytes},
};

// nullopt: it isn't there.
std::optional<Result<std::int64_t>> read_quantity(const Json& value, Unit unit) {
  if (value.is_null()) return std::nullopt;
  const std::string quantity = value.is_string() ? value.get<std::string>() : value.dump();
  return unit == Unit::millicores ? parse_millicores(quantity) : parse_bytes(quantity);
}

// Of several bounds on one amount, the one with the least room left is the one that counts. `used` is absent until the
// API server has counted.
void narrow(Quota& quota, const std::string& amount, std::int64_t hard,
            std::optional<std::int64_t> used) {
  if (const auto known = quota.hard.find(amount); known != quota.hard.end()) {
    const auto known_use = quota.used.find(amount);
    const std::int64_t room =
        known->second - (known_use == quota.used.end() ? 0 : known_use->second);
    if (room <= hard - used.value_or(0)) return;
  }
  quota.hard[amount] = hard;
  quota.used.erase(amount);
  if (used) quota.used[amount] = *used;
}

// Sets `priority_class` from the scope "PriorityClass In [x]". False: a scope of another form.
bool read_scopes(const Json& spec, std::string& priority_class) {
  if (!elements(spec, "scopes").empty()) return false;
  for (const Json& expression : elements(member(spec, "scopeSelector"), "matchExpressions")) {
    const Json& values = elements(expression, "values");
    const bool understood = text(expression, "scopeName") == "PriorityClass" &&
                            text(expression, "operator") == "In" && values.size() == 1 &&
                            values[0].is_string() && priority_class.empty();
    if (!understood) return false;
    priority_class = values[0].get<std::string>();
  }
  return true;
}

template <class T>
std::optional<T> smaller(const std::optional<T>& a, const std::optional<T>& b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

PodLimits limits_from(const Json& maximum) {
  const Amounts amounts = parse_amounts(maximum);
  PodLimits limits;
  if (maximum.contains(names::gpu)) limits.gpus = amounts.gpus;
  if (maximum.contains("cpu")) limits.cpu_millicores = amounts.cpu_millicores;
  if (maximum.contains("memory")) limits.memory_bytes = amounts.memory_bytes;
  return limits;
}

}  // namespace

ParsedQuota parse_quota(const Json& object) {
  const Json& spec = member(object, "spec");
  const Json& hard = member(spec, "hard");
  const Json& counted = member(member(object, "status"), "used");
  ParsedQuota parsed;
  Quota quota;
  quota.name = text(member(object, "metadata"), "name");
  if (!read_scopes(spec, quota.scope_priority_class)) {
    parsed.ignored.push_back(
        "ResourceQuota " + quota.name +
        " has scopes other than \"PriorityClass In [one class]\": it is left to the API server");
    return parsed;
  }
  for (const Bound& bound : bounds) {
    const auto amount = read_quantity(member(hard, bound.resource), bound.unit);
    if (!amount) continue;
    if (!*amount) {
      parsed.ignored.push_back("ResourceQuota " + quota.name + ": hard." + bound.resource +
                               " is left out of account: " + amount->error().message);
      continue;
    }
    const auto used = read_quantity(member(counted, bound.resource), bound.unit);
    narrow(quota, bound.amount, **amount, used && *used ? std::optional(**used) : std::nullopt);
  }
  parsed.quota = std::move(quota);
  return parsed;
}

PodLimits parse_limit_range(const Json& object) {
  PodLimits limits;
  for (const Json& item : elements(member(object, "spec"), "limits")) {
    const std::string type = text(item, "type");
    // A pod of ours has one container, so that what bounds a container bounds the pod.
    if (type == "Pod" || type == "Container")
      limits = tightest(limits, limits_from(member(item, "max")));
  }
  return limits;
}

PodLimits tightest(const PodLimits& a, const PodLimits& b) {
  PodLimits limits;
  limits.gpus = smaller(a.gpus, b.gpus);
  limits.cpu_millicores = smaller(a.cpu_millicores, b.cpu_millicores);
  limits.memory_bytes = smaller(a.memory_bytes, b.memory_bytes);
  return limits;
}

Node parse_node(const Json& object) {
  const Json& metadata = member(object, "metadata");
  const Json& status = member(object, "status");
  Node node;
  node.name = text(metadata, "name");
  const Json& labels = member(metadata, "labels");
  node.gpu_product = text(labels, names::gpu_product);
  node.spot = text(labels, names::spot) == "true";
  node.gpu_replicas =
      std::max<std::int64_t>(parse_bytes(text(labels, names::gpu_replicas)).value_or(1), 1);
  node.allocatable = parse_amounts(member(status, "allocatable"));
  const Json& pods = member(member(status, "allocatable"), "pods");
  if (pods.is_string()) node.allocatable.pods = parse_bytes(pods.get<std::string>()).value_or(0);
  for (const Json& condition : elements(status, "conditions")) {
    if (text(condition, "type") != "Ready") continue;
    const bool ready = text(condition, "status") == "True";
    if (const auto since = parse_rfc3339(text(condition, "lastTransitionTime")); !ready && since)
      node.not_ready_since = *since;
  }
  node.schedulable = !flag(member(object, "spec"), "unschedulable");
  return node;
}

}  // namespace oppen::kube
