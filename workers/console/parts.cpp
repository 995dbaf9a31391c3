#include "workers/console/parts.hpp"

#include <nlohmann/json.hpp>

namespace oppen::console {
namespace {

using namespace std::chrono_literals;

constexpr auto part_patience = 2s;

}  // namespace

Part Parts::redis() {
  const auto answered = queue_.ping();
  return {"redis", answered.has_value(), answered ? "answers" : answered.error().message};
}

Part Parts::kubernetes() {
  const std::string knob = " (setting KUBECONFIG): ";
  if (!kube_) return {"kubernetes", false, "not known where it is" + knob + kube_.error().message};
  auto request = (*kube_)->request("GET", "/version");
  request.timeout = part_patience;
  const auto response = http_.send(std::move(request));
  if (!response)
    return {"kubernetes", false,
            "no answer from " + (*kube_)->server() + knob + response.error().message};
  if (response->status == 401) (*kube_)->unauthorized();
  if (!response->ok()) {
    return {"kubernetes", false,
            (*kube_)->server() + knob + "status " + std::to_string(response->status)};
  }
  const auto body = nlohmann::json::parse(response->body, nullptr, false);
  return {"kubernetes", true,
          "answers" + (body.is_object() ? ", version " + body.value("gitVersion", "unknown") : "")};
}

std::vector<Part> Parts::check() {
  std::vector<Part> parts = {{"console", true, "answers"}, redis(), kubernetes()};
  Result<std::string> answer = fail(ErrorKind::unavailable, "");
  std::string url;
  for (std::size_t i = 0; i < scheduler_urls_.size() && !answer; ++i) {
    url = scheduler_urls_[i];
    runtime::HttpRequest request;
    request.url = url + "/readyz";
    request.timeout = part_patience;
    answer = http_.send(std::move(request)).map([](const runtime::HttpResponse& response) {
      return response.body;
    });
  }
  for (Part& part : scheduler_parts(answer, url)) parts.push_back(std::move(part));
  parts.push_back(leader_part(queue_));
  return parts;
}

}  // namespace oppen::console
