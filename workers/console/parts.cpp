#include "workers/console/parts.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

namespace oppen::console {
namespace {

using namespace std::chrono_literals;

constexpr auto part_patience = 2s;

Result<std::string> body_of(Result<runtime::HttpResponse> response) {
  return std::move(response).map(
      [](runtime::HttpResponse answered) { return std::move(answered.body); });
}

}  // namespace

Parts::Answer Parts::ask(runtime::HttpRequest request) {
  request.timeout = part_patience;
  auto promise = std::make_shared<std::promise<Result<runtime::HttpResponse>>>();
  auto answer = promise->get_future();
  http_.start(std::move(request), [promise](Result<runtime::HttpResponse> response) {
    promise->set_value(std::move(response));
  });
  return answer;
}

Parts::Answer Parts::ask(const std::string& url) {
  runtime::HttpRequest request;
  request.url = url;
  return ask(std::move(request));
}

Part Parts::redis() {
  const auto answered = queue_.ping();
  return {"redis", answered.has_value(), answered ? "answers" : answered.error().message};
}

Part Parts::kubernetes(Answer answer) {
  const std::string knob = " (setting KUBECONFIG): ";
  if (!kube_) return {"kubernetes", false, "not known where it is" + knob + kube_.error().message};
  const auto response = answer.get();
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
  struct Asked {
    Answer ready;
    Answer metrics;
  };
  const auto ask_worker = [this](const std::string& url) {
    return Asked{ask(url + "/readyz"), ask(url + "/metrics")};
  };
  Answer version;
  if (kube_) version = ask((*kube_)->request("GET", "/version"));
  std::vector<Asked> schedulers;
  for (const auto& url : scheduler_urls_) schedulers.push_back(ask_worker(url));
  std::vector<Asked> workers;
  for (const auto& [name, url] : worker_urls_) workers.push_back(ask_worker(url));

  const Part redis = this->redis();
  std::vector<Part> parts = {{"console", true, "answers"}, redis, kubernetes(std::move(version))};
  Result<std::string> answer = fail(ErrorKind::unavailable, "");
  std::string url;
  std::optional<std::int64_t> lag;
  for (std::size_t i = 0; i < schedulers.size(); ++i) {
    auto ready = body_of(schedulers[i].ready.get());
    lag = std::max(lag, lag_in(body_of(schedulers[i].metrics.get()).value_or("")));
    if (answer) continue;
    answer = std::move(ready);
    url = scheduler_urls_[i];
  }
  auto of_scheduler = scheduler_parts(answer, url);
  of_scheduler[0].lag = lag;
  const auto add = [&parts](std::vector<Part> more) {
    std::move(more.begin(), more.end(), std::back_inserter(parts));
  };
  add(std::move(of_scheduler));
  // A Redis that does not answer is not waited for twice.
  parts.push_back(redis.ok ? leader_part(queue_) : Part{"leader", false, redis.detail});
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const auto& [name, where] = worker_urls_[i];
    const auto ready = body_of(workers[i].ready.get());
    add(worker_parts(name, ready, body_of(workers[i].metrics.get()).value_or(""), where));
  }
  if (workers.empty())
    parts.push_back({"workers", true, "no other is known (setting OPPEN_WORKER_URLS)"});
  return parts;
}

}  // namespace oppen::console
