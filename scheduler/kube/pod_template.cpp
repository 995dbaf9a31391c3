#include "scheduler/kube/pod_template.hpp"

#include <algorithm>
#include <utility>

#include "scheduler/kube/json_read.hpp"
#include "scheduler/kube/names.hpp"

namespace oppen::kube {
namespace {

constexpr const char* lists[] = {"containers",   "initContainers", "volumes",
                                 "volumeMounts", "tolerations",    "imagePullSecrets"};

// `over` wins; objects are merged and lists appended to.
void merge(Json& under, const Json& over) {
  if (under.is_object() && over.is_object()) {
    for (const auto& [key, value] : over.items()) {
      const auto found = under.find(key);
      if (found == under.end()) {
        under[key] = value;
      } else {
        merge(*found, value);
      }
    }
  } else if (under.is_array() && over.is_array()) {
    under.insert(under.end(), over.begin(), over.end());
  } else {
    under = over;
  }
}

Json take(Json& object, const char* key, Json otherwise) {
  const auto found = object.find(key);
  if (found == object.end()) return otherwise;
  Json value = std::move(*found);
  object.erase(found);
  return value;
}

bool is_train(const Json& container) { return text(container, "name") == names::container; }

// The last of two variables of a name is the one that counts, but the API server warns of each such
// pair.
void drop_earlier_of_same_name(Json& environment) {
  for (std::size_t i = environment.size(); i-- > 0;) {
    for (std::size_t earlier = i; earlier-- > 0;) {
      if (member(environment[earlier], "name") != member(environment[i], "name")) continue;
      environment.erase(earlier);
      --i;
    }
  }
}

Json merged_container(Json from_template, Json mounts, const Json& ours) {
  Json container = {{"securityContext", {{"allowPrivilegeEscalation", false}}}};
  // What the job runs and asks for is the job's alone, not something to append to.
  for (const char* key : {"resources", "image", "command", "args"}) from_template.erase(key);
  merge(container, from_template);
  merge(container, ours);
  if (!mounts.empty()) merge(container, Json{{"volumeMounts", std::move(mounts)}});
  drop_earlier_of_same_name(container["env"]);
  return container;
}

}  // namespace

Status check_pod_template(std::string_view template_json) {
  if (template_json.empty()) return {};
  const Json parsed = Json::parse(template_json, nullptr, false);
  if (!parsed.is_object())
    return fail(ErrorKind::invalid,
                "pod template: expected a JSON object, a piece of a pod's spec");
  for (const char* key : lists) {
    const Json& list = member(parsed, key);
    if (list.is_null()) continue;
    const std::string expected =
        std::string("pod template: ") + key + ": expected a list of objects";
    if (!list.is_array()) return fail(ErrorKind::invalid, expected);
    for (const Json& element : list) {
      if (!element.is_object()) return fail(ErrorKind::invalid, expected);
    }
  }
  for (const char* key : {"nodeSelector", "securityContext"}) {
    const Json& object = member(parsed, key);
    if (!object.is_null() && !object.is_object()) {
      return fail(ErrorKind::invalid, std::string("pod template: ") + key + ": expected an object");
    }
  }
  return {};
}

Json apply_pod_template(std::string_view template_json, const Json& pod_spec,
                        const Json& container) {
  Json fragment = Json::object();
  if (!template_json.empty() && check_pod_template(template_json))
    fragment = Json::parse(template_json);

  Json mounts = take(fragment, "volumeMounts", Json::array());
  Json train = Json::object();
  Json others = Json::array();
  for (Json& one : take(fragment, "containers", Json::array())) {
    if (is_train(one)) {
      train = std::move(one);
    } else {
      others.push_back(std::move(one));
    }
  }

  Json merged = {{"securityContext", {{"seccompProfile", {{"type", "RuntimeDefault"}}}}}};
  merge(merged, fragment);
  merge(merged, pod_spec);
  merged["containers"] =
      Json::array({merged_container(std::move(train), std::move(mounts), container)});
  merge(merged["containers"], others);
  return merged;
}

std::chrono::seconds termination_grace(std::string_view template_json) {
  constexpr std::int64_t of_kubernetes = 30;
  const Json parsed = template_json.empty() ? Json() : Json::parse(template_json, nullptr, false);
  const auto stated = whole_number(parsed, "terminationGracePeriodSeconds");
  return std::chrono::seconds(std::max<std::int64_t>(0, stated.value_or(of_kubernetes)));
}

}  // namespace oppen::kube
