// Proves that of several schedulers the one that leads is asked, that it is remembered, and what is said when none answers.
#include "workers/console/scheduler_api.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/httplib_statics.hpp"

namespace oppen::console {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A scheduler that leads or does not, and counts who asks.
struct Scheduler {
  explicit Scheduler(bool its_leading) : leading(its_leading) {
    const auto answer = [this](const runtime::HttpQuery& query) {
      ++asked;
      return leading ? runtime::HttpAnswer{200, query.method + std::string(query.body)}
                     : runtime::HttpAnswer{503, "does not lead"};
    };
    server = std::move(*runtime::HealthServer::start("127.0.0.1:0", metrics, health,
                                                     {{"/q", answer}}, {{"/q", answer}}));
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server->port()); }

  std::atomic<bool> leading;
  std::atomic<int> asked{0};
  runtime::Metrics metrics;
  runtime::Health health;
  std::unique_ptr<runtime::HealthServer> server;
};

TEST(SchedulerUrls, AreSeparatedByCommas) {
  EXPECT_THAT(scheduler_urls("http://a:1"), ElementsAre("http://a:1"));
  EXPECT_THAT(scheduler_urls(" http://a:1/, http://b:2 ,"),
              ElementsAre("http://a:1", "http://b:2"));
}

TEST(SchedulerApi, TheLeaderAnswers) {
  Scheduler first(false);
  Scheduler second(true);
  runtime::HttpClient http;
  SchedulerApi api(http, {"http://127.0.0.1:1", first.url(), second.url()});
  EXPECT_EQ(api.ask("/q", "").body, "GET");
  EXPECT_EQ(api.ask("/q", "{}").body, "POST{}");
  EXPECT_EQ(first.asked, 1) << "the second answered, so it is asked first";
  first.leading = true;
  second.leading = false;
  EXPECT_EQ(api.ask("/q", "").status, 200);
  EXPECT_EQ(first.asked, 2);
}

TEST(SchedulerApi, WithoutALeaderOneThatDoesNotLeadSaysSo) {
  Scheduler only(false);
  runtime::HttpClient http;
  const auto answer = SchedulerApi(http, {only.url(), "http://127.0.0.1:1"}).ask("/q", "");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "does not lead");
}

TEST(SchedulerApi, ASchedulerThatIsAwayIsNamedWithItsSetting) {
  runtime::HttpClient http;
  const auto answer = SchedulerApi(http, {"http://127.0.0.1:1"}).ask("/q", "");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("OPPEN_SCHEDULER_URL"));
  EXPECT_THAT(answer.body, HasSubstr("127.0.0.1:1"));
}

}  // namespace
}  // namespace oppen::console
