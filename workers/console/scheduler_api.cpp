#include "workers/console/scheduler_api.hpp"

#include "workers/console/answers.hpp"

namespace oppen::console {
namespace {

using namespace std::chrono_literals;

constexpr auto answer_patience = 25s;
constexpr auto connect_patience = 2s;
constexpr int not_leading = 503;

}  // namespace

std::vector<std::string> scheduler_urls(const std::string& setting) {
  std::vector<std::string> urls;
  for (std::size_t begin = 0; begin <= setting.size();) {
    const auto end = std::min(setting.find(',', begin), setting.size());
    auto url = setting.substr(begin, end - begin);
    url.erase(0, url.find_first_not_of(' '));
    while (url.ends_with(' ') || url.ends_with('/')) url.pop_back();
    if (!url.empty()) urls.push_back(std::move(url));
    begin = end + 1;
  }
  if (urls.empty()) urls.push_back(setting);
  return urls;
}

runtime::HttpAnswer SchedulerApi::ask(const std::string& path, std::string_view body) {
  runtime::HttpAnswer refusal;
  std::string trouble;
  const auto first = last_.load();
  for (std::size_t i = 0; i < urls_.size(); ++i) {
    const auto number = (first + i) % urls_.size();
    runtime::HttpRequest request;
    request.method = body.empty() ? "GET" : "POST";
    request.url = urls_[number] + path;
    request.timeout = answer_patience;
    request.connect_timeout = connect_patience;
    request.max_body = 64U << 20;
    if (!body.empty()) {
      request.headers.emplace_back("Content-Type", "application/json");
      request.body = body;
    }
    const auto response = http_.send(std::move(request));
    if (!response) {
      trouble += (trouble.empty() ? "" : "; ") + response.error().message;
      continue;
    }
    if (response->status != not_leading) {
      last_ = number;
      return {response->status, response->body, "application/json"};
    }
    refusal = {response->status, response->body, "application/json"};
  }
  if (!refusal.body.empty()) return refusal;
  return error_answer(
      {ErrorKind::unavailable, "no scheduler answers (setting OPPEN_SCHEDULER_URL): " + trouble});
}

}  // namespace oppen::console
