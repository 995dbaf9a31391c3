#include "producers/telemetry/pod_directory.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "workers/runtime/log.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;

constexpr auto answer_within = 5s;
constexpr auto soonest = 1s;

// What stands in a query: everything but letters, digits and -._~ as %XX.
std::string escaped(std::string_view text) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += {'%', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return result;
}

std::string message_of(const std::string& body) {
  const auto status = nlohmann::json::parse(body, nullptr, false);
  if (!status.is_object() || !status.contains("message") || !status["message"].is_string())
    return "no message";
  return status["message"].get<std::string>();
}

}  // namespace

PodDirectory::PodDirectory(const runtime::KubeAccess& access, std::string pod_namespace,
                           std::vector<std::string> nodes, std::chrono::milliseconds every)
    : access_(access),
      pod_namespace_(std::move(pod_namespace)),
      nodes_(std::move(nodes)),
      every_(every) {
  look();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

PodDirectory::~PodDirectory() {
  thread_.request_stop();
  http_.stop();  // ends the request that the thread may be waiting for
}

std::shared_ptr<const KnownPods> PodDirectory::known() const {
  const std::lock_guard lock(mutex_);
  return known_;
}

void PodDirectory::ask_again() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  turn_.notify_all();
}

Status PodDirectory::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void PodDirectory::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      const auto least = std::min<std::chrono::milliseconds>(soonest, every_);
      turn_.wait_for(lock, stop, least, [] { return false; });
      turn_.wait_for(lock, stop, every_ - least, [this] { return asked_; });
      asked_ = false;
    }
    if (!stop.stop_requested()) look();
  }
}

void PodDirectory::look() {
  auto pods = list();
  const std::lock_guard lock(mutex_);
  const bool was_well = status_.has_value();
  if (pods) {
    status_ = {};
    known_ = std::make_shared<const KnownPods>(std::move(*pods));
  } else {
    status_ = fail(pods.error());
  }
  if (was_well && !status_) SPDLOG_WARN("the pods can't be listed: {}", status_.error().message);
  if (!was_well && status_) SPDLOG_INFO("the pods can be listed again");
}

Result<std::vector<KnownPod>> PodDirectory::list() {
  std::string selector = "status.phase!=Succeeded,status.phase!=Failed";
  if (nodes_.size() == 1) selector += ",spec.nodeName=" + nodes_.front();
  std::vector<KnownPod> pods;
  std::string token;
  do {
    auto path = "/api/v1/namespaces/" + pod_namespace_ +
                "/pods?limit=250&fieldSelector=" + escaped(selector);
    if (!token.empty()) path += "&continue=" + escaped(token);
    auto request = access_.request("GET", path);
    request.timeout = answer_within;
    const auto answer = http_.send(std::move(request));
    if (!answer) return fail(answer.error().in_context("listing the pods"));
    if (answer->status == 401) access_.unauthorized();
    if (!answer->ok()) {
      return fail(answer->status == 403 ? ErrorKind::refused : ErrorKind::unavailable,
                  "listing the pods: status " + std::to_string(answer->status) + ", " +
                      message_of(answer->body));
    }
    auto page = parse_pods(answer->body);
    if (!page) return fail(page.error());
    for (auto& pod : page->pods) {
      if (std::find(nodes_.begin(), nodes_.end(), pod.node) != nodes_.end())
        pods.push_back(std::move(pod));
    }
    token = std::move(page->continue_token);
  } while (!token.empty());
  return pods;
}

}  // namespace oppen::telemetry
