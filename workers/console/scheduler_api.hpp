#pragma once
// Passes questions on to the scheduler that leads. Any thread.
#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "workers/runtime/health_server.hpp"
#include "workers/runtime/http_client.hpp"

namespace oppen::console {

// What the console asks of the schedulers; the tests script their own.
class SchedulerQuestions {
 public:
  virtual ~SchedulerQuestions() = default;
  // `body` "": a GET, else a POST. The leader's answer as it is, or why there is none (503).
  virtual runtime::HttpAnswer ask(const std::string& path, std::string_view body) = 0;
};

class SchedulerApi final : public SchedulerQuestions {
 public:
  // `urls`: of all schedulers, as the setting OPPEN_SCHEDULER_URL has them. The client must outlive this.
  SchedulerApi(runtime::HttpClient& http, std::vector<std::string> urls)
      : http_(http), urls_(std::move(urls)) {}

  // They are asked one after the other, first the one that answered last: one that does not lead says so.
  runtime::HttpAnswer ask(const std::string& path, std::string_view body) override;

 private:
  runtime::HttpClient& http_;
  const std::vector<std::string> urls_;
  std::atomic<std::size_t> last_{0};
};

// "http://a:8081,http://b:8081" as a list; never empty.
std::vector<std::string> scheduler_urls(const std::string& setting);

}  // namespace oppen::console
