#include "workers/console/kube_logs.hpp"

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

namespace oppen::console {
namespace {

using namespace std::chrono_literals;
using runtime::HttpResponse;

constexpr std::size_t most_kept = 256 * 1024;
// A training may say nothing for long; the kubelet itself ends an idle stream after four hours.
constexpr std::chrono::seconds quiet_limit_follow = 4h;
constexpr std::chrono::seconds quiet_limit = 30s;
// The API server refuses at once; what has not been refused by then is a log that has nothing to
// say yet.
constexpr auto refusal_wait = 2s;

class KubeLogStream final : public LogStream {
 public:
  ~KubeLogStream() override {
    {
      const std::lock_guard lock(mutex_);
      dropped_ = true;
    }
    changed_.notify_all();
    client_.stop();
  }

  void start(runtime::HttpRequest request, std::chrono::seconds limit) {
    client_.stream(
        std::move(request), limit, [this](std::string_view piece) { return put(piece); },
        [this](Result<HttpResponse> response) { finish(std::move(response)); });
  }

  // The outcome if it came before any data, within `wait`.
  std::optional<Result<HttpResponse>> early_outcome(std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [this] { return !kept_.empty() || outcome_; });
    return kept_.empty() ? outcome_ : std::nullopt;
  }

  Read next(std::string& into, std::chrono::milliseconds wait) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [this] { return !kept_.empty() || outcome_; });
    if (kept_.empty()) return outcome_ ? Read::end : Read::quiet;
    into = std::exchange(kept_, {});
    changed_.notify_all();
    return Read::data;
  }

 private:
  // On the client's thread: waits for the reader, which makes the API server wait in turn.
  bool put(std::string_view piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return kept_.size() < most_kept || dropped_; });
    if (dropped_) return false;
    kept_ += piece;
    changed_.notify_all();
    return true;
  }

  void finish(Result<HttpResponse> response) {
    const std::lock_guard lock(mutex_);
    outcome_ = std::move(response);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string kept_;  // under mutex_, as the rest
  std::optional<Result<HttpResponse>> outcome_;
  bool dropped_ = false;
  runtime::HttpClient client_;  // last: its thread uses the others
};

// The `message` of a Kubernetes Status, else the text itself.
std::string status_message(const HttpResponse& response) {
  const auto body = nlohmann::json::parse(response.body, nullptr, false);
  if (body.is_object() && body.contains("message") && body["message"].is_string())
    return body["message"];
  return "status " + std::to_string(response.status) + " " + response.body.substr(0, 200);
}

Error away(const std::string& why) {
  return {ErrorKind::unavailable, "the Kubernetes API (setting KUBECONFIG) can't be asked: " + why};
}

}  // namespace

Result<std::shared_ptr<LogStream>> KubeLogs::open(const LogRequest& request) {
  if (!access_) return fail(away(access_.error().message));
  std::string path =
      "/api/v1/namespaces/" + namespace_ + "/pods/" + request.pod + "/log?container=train";
  if (request.follow) path += "&follow=true";
  if (request.tail >= 0) path += "&tailLines=" + std::to_string(request.tail);
  auto stream = std::make_shared<KubeLogStream>();
  stream->start((*access_)->request("GET", path),
                request.follow ? quiet_limit_follow : quiet_limit);

  const auto outcome = stream->early_outcome(refusal_wait);
  if (!outcome) return stream;
  if (!*outcome) return fail(away(outcome->error().message));
  const HttpResponse& response = **outcome;
  if (response.ok()) return stream;  // an empty log
  if (response.status == 401) (*access_)->unauthorized();
  // 400 is the answer while the container has not begun.
  if (response.status == 404 || response.status == 400)
    return fail(ErrorKind::not_found, status_message(response));
  if (response.status == 403) {
    return fail(ErrorKind::refused,
                "the console lacks the right to read logs: " + status_message(response));
  }
  return fail(away(status_message(response)));
}

}  // namespace oppen::console
