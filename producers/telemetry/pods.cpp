#include "producers/telemetry/pods.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

namespace oppen::telemetry {
namespace {

using nlohmann::json;

const json& member(const json& object, const char* key) {
  static const json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

std::string text(const json& object, const char* key) {
  const auto& found = member(object, key);
  return found.is_string() ? found.get<std::string>() : "";
}

std::optional<int> whole(const std::string& digits) {
  int value = 0;
  const auto* end = digits.data() + digits.size();
  const auto [rest, code] = std::from_chars(digits.data(), end, value);
  if (digits.empty() || code != std::errc{} || rest != end) return std::nullopt;
  return value;
}

int gpus_of(const json& spec) {
  int gpus = 0;
  const auto& containers = member(spec, "containers");
  if (!containers.is_array()) return 0;
  for (const auto& container : containers) {
    // Of an extended resource request and limit are the same.
    const auto& asked = member(member(container, "resources"), "limits");
    gpus += whole(text(asked, "nvidia.com/gpu")).value_or(0);
  }
  return gpus;
}

KnownPod to_pod(const json& object) {
  KnownPod pod;
  const auto& metadata = member(object, "metadata");
  const auto& labels = member(metadata, "labels");
  pod.uid = text(metadata, "uid");
  pod.name = text(metadata, "name");
  pod.pod_namespace = text(metadata, "namespace");
  pod.node = text(member(object, "spec"), "nodeName");
  pod.job_id = text(labels, "oppen.dev/job-id");
  const auto attempt = whole(text(labels, "oppen.dev/attempt"));
  if (attempt && *attempt >= 1) pod.attempt = attempt;
  pod.model_type = text(labels, "oppen.dev/model-type");
  pod.gpus = gpus_of(member(object, "spec"));
  if (const auto started = parse_rfc3339(text(member(object, "status"), "startTime"))) {
    pod.started_at = *started;
  }
  return pod;
}

}  // namespace

KnownPods::KnownPods(std::vector<KnownPod> pods) : pods_(std::move(pods)) {
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    uids_.emplace(pods_[i].uid, i);
    names_.emplace(pods_[i].pod_namespace + "/" + pods_[i].name, i);
  }
}

const KnownPod* KnownPods::by_uid(const std::string& uid) const {
  const auto found = uids_.find(uid);
  return found == uids_.end() ? nullptr : &pods_[found->second];
}

const KnownPod* KnownPods::by_name(const std::string& pod_namespace,
                                   const std::string& name) const {
  const auto found = names_.find(pod_namespace + "/" + name);
  return found == names_.end() ? nullptr : &pods_[found->second];
}

Result<PodPage> parse_pods(std::string_view text_of_list) {
  const auto list = json::parse(text_of_list, nullptr, false);
  const auto& items = member(list, "items");
  if (!items.is_array()) {
    return fail(
        ErrorKind::invalid,
        "the API server's list of pods can't be read: expected JSON with an array \"items\"");
  }
  PodPage page;
  page.continue_token = text(member(list, "metadata"), "continue");
  for (const auto& item : items) {
    auto pod = to_pod(item);
    if (!pod.uid.empty() && !pod.name.empty()) page.pods.push_back(std::move(pod));
  }
  return page;
}

}  // namespace oppen::telemetry
