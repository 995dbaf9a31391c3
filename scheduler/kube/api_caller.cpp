#include "scheduler/kube/api_caller.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "scheduler/kube/json_read.hpp"
#include "schemas/text.hpp"

namespace oppen::kube {
namespace {

// A little more than the API server gives an admission webhook.
constexpr std::chrono::milliseconds longest_call{15'000};
// 500 nodes with the names of all their images, or pods with large environments.
constexpr std::size_t largest_answer = std::size_t{128} << 20;
constexpr int unauthorized = 401;

}  // namespace

void ApiCaller::call(ApiRequest request, std::chrono::milliseconds timeout, Done done) {
  waiting_.push_back({std::move(request), timeout, std::move(done)});
  send_waiting();
}

void ApiCaller::send_waiting() {
  if (sending_) return;  // an answer that came at once: the loop below goes on
  sending_ = true;
  while (in_flight_ < max_in_flight && !waiting_.empty()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    ++in_flight_;
    runtime::HttpRequest request = access_.request(next.request.method, next.request.path);
    request.headers.emplace_back("Accept", "application/json");
    if (!next.request.body.empty())
      request.headers.emplace_back("Content-Type", next.request.content_type);
    request.body = std::move(next.request.body);
    request.timeout = next.timeout;
    request.max_body = largest_answer;
    http_.start(std::move(request),
                [this, done = std::move(next.done)](Result<runtime::HttpResponse> answer) {
                  --in_flight_;
                  if (answer && answer->status == unauthorized) access_.unauthorized();
                  done(std::move(answer));
                  send_waiting();
                });
  }
  sending_ = false;
}

ApiProblem problem_of(const runtime::HttpResponse& response) {
  const Json body = Json::parse(response.body, nullptr, false);
  ApiProblem problem;
  problem.status = response.status;
  problem.reason = text(body, "reason");
  problem.message = text(body, "message");
  if (problem.message.empty()) {
    problem.message = "HTTP status " + std::to_string(response.status);
    if (!response.body.empty()) problem.message += ": " + shortened(response.body, 200);
  }
  return problem;
}

bool is_transient(int http_status) {
  return http_status == unauthorized || http_status == 429 || http_status >= 500;
}

std::optional<std::chrono::milliseconds> retry_after(const runtime::HttpResponse& response) {
  const std::string text = response.header("retry-after");
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || seconds < 0) return std::nullopt;
  return std::chrono::seconds{std::min(seconds, 60)};
}

void Tries::send(ApiRequest request, ApiCaller::Done done) {
  const auto timeout = std::clamp(left(), std::chrono::milliseconds{1}, longest_call);
  caller_.call(std::move(request), timeout, std::move(done));
}

bool Tries::again(std::optional<std::chrono::milliseconds> wait, std::function<void()> next) {
  const auto delay = wait.value_or(std::chrono::milliseconds{0}) + backoff_.next();
  if (delay >= left()) return false;
  caller_.http().run_after(delay, std::move(next));
  return true;
}

std::chrono::milliseconds Tries::left() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(ends_at_ -
                                                               std::chrono::steady_clock::now());
}

}  // namespace oppen::kube
