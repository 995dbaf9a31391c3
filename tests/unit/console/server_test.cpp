// Proves what goes over the wire: answers with their status and type, logs in pieces while they
// come, a bounded number of them, readers that leave, and a stop that does not wait for a log
// without end.
#include "workers/console/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <future>

#include "tests/support/httplib_statics.hpp"
#include "tests/unit/console/scripted.hpp"

namespace oppen::console {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    queue_.alive = {record("a", JobState::running)};
    auto started = Server::start("127.0.0.1:0", api_, metrics_, health_);
    server_ = *std::move(started);
  }
  httplib::Client client() {
    httplib::Client client("127.0.0.1", server_->port());
    client.set_read_timeout(std::chrono::seconds{20});
    return client;
  }
  // Opens a log that never ends and reads its first piece; ends when `leave` is ready.
  std::future<bool> follow(std::shared_future<void> leave, std::promise<void>& begun) {
    return std::async(std::launch::async, [this, leave = std::move(leave), &begun] {
      bool first = true;
      auto reader = client();
      reader.Get("/api/v1/jobs/a/logs", [&](const char*, std::size_t) {
        if (first) begun.set_value();
        first = false;
        leave.wait();
        return false;
      });
      return true;
    });
  }

  ScriptedQueue queue_;
  ScriptedBooks books_;
  ScriptedLogs logs_;
  ScriptedScheduler scheduler_;
  StoppedClock clock_;
  Api api_{queue_,
           books_,
           logs_,
           scheduler_,
           [] { return std::vector<Part>{}; },
           [] { return ClusterRoom{}; },
           clock_,
           "ml-training",
           [] { return std::vector<budgets::BudgetView>{}; },
           [] { return anomaly::AlertsView{}; }};
  runtime::Metrics metrics_;
  runtime::Health health_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersQuestions) {
  const auto response = client().Get("/api/v1/jobs?state=live");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->get_header_value("content-type"), "application/json");
  EXPECT_EQ(json::parse(response->body)["jobs"][0]["job_id"], "a");
}

TEST_F(ServerTest, AnswersFaultsAsJson) {
  EXPECT_EQ(client().Get("/api/v1/jobs?limit=x")->status, 400);
  const auto unknown = client().Get("/nowhere");
  EXPECT_EQ(unknown->status, 404);
  EXPECT_EQ(json::parse(unknown->body)["error"]["code"], "not_found");
  const auto posted = client().Post("/api/v1/jobs", "{}", "application/json");
  EXPECT_EQ(posted->status, 404);
  EXPECT_THAT(json::parse(posted->body)["error"]["message"].get<std::string>(),
              HasSubstr("only answers questions"));
}

TEST_F(ServerTest, OneQuestionIsPosted) {
  scheduler_.answer = {422, R"({"error":{"code":"refused"}})"};
  const std::string batch = R"({"batch_id":"b","jobs":[)" + std::string(1U << 20, ' ') + "]}";
  const auto answer = client().Post("/api/v1/simulate?delays=false", batch, "application/json");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 422);
  EXPECT_EQ(answer->body, scheduler_.answer.body);
  ASSERT_EQ(scheduler_.asked.size(), 1U);
  EXPECT_EQ(scheduler_.asked[0].first, "/api/v1/simulate?delays=false");
  EXPECT_EQ(scheduler_.asked[0].second, batch);
  EXPECT_EQ(client().Get("/api/v1/simulate")->status, 400);
  const auto huge =
      client().Post("/api/v1/simulate", std::string(33U << 20, ' '), "application/json");
  if (huge) {
    EXPECT_EQ(huge->status, 413);
  }  // or the connection is gone before all is sent
  EXPECT_EQ(scheduler_.asked.size(), 1U);
}

TEST_F(ServerTest, ServesWhatEveryWorkerDoes) {
  health_.beat();
  EXPECT_EQ(client().Get("/healthz")->status, 200);
  health_.set("redis", fail(ErrorKind::unavailable, "away"));
  const auto not_ready = client().Get("/readyz");
  EXPECT_EQ(not_ready->status, 503);
  EXPECT_EQ(json::parse(not_ready->body)["dependencies"]["redis"], "away");
  EXPECT_THAT(client().Get("/metrics")->body,
              HasSubstr("oppen_console_requests_total{status=\"200\"} 1"));
}

TEST_F(ServerTest, SendsALogAsItIs) {
  logs_.pieces = {"epoch 1\n", "epoch 2\n", std::string(300'000, 'x')};
  const auto response = client().Get("/api/v1/jobs/a/logs");
  EXPECT_EQ(response->status, 200);
  EXPECT_THAT(response->get_header_value("content-type"), HasSubstr("text/plain"));
  EXPECT_EQ(response->body, "epoch 1\nepoch 2\n" + std::string(300'000, 'x'));
}

TEST_F(ServerTest, SendsOnlySoManyLogsAtATime) {
  logs_.pieces = {"epoch 1\n"};
  logs_.ends = false;
  std::promise<void> leave;
  const auto left = leave.get_future().share();
  std::vector<std::promise<void>> begun(max_logs);
  std::vector<std::future<bool>> readers;
  for (auto& promise : begun) readers.push_back(follow(left, promise));
  for (auto& promise : begun) promise.get_future().wait();

  const auto refused = client().Get("/api/v1/jobs/a/logs");
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(client().Get("/api/v1/queue")->status, 200);  // others are served meanwhile

  leave.set_value();
  for (auto& reader : readers) reader.wait();
  logs_.ends = true;
  int status = 503;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (status == 503 && std::chrono::steady_clock::now() < give_up)
    status = client().Get("/api/v1/jobs/a/logs")->status;
  EXPECT_EQ(status, 200);  // the places of those who left are free again
}

TEST_F(ServerTest, StopsAlthoughALogHasNoEnd) {
  logs_.pieces = {"epoch 1\n"};
  logs_.ends = false;
  std::promise<void> leave;
  std::promise<void> begun;
  auto reader = follow(leave.get_future().share(), begun);
  begun.get_future().wait();
  server_.reset();  // returns
  leave.set_value();
  EXPECT_TRUE(reader.get());
}

TEST(ServerStart, RefusesAnAddressThatItCannotHave) {
  ScriptedQueue queue;
  ScriptedBooks books;
  ScriptedLogs logs;
  StoppedClock clock;
  ScriptedScheduler scheduler;
  Api api(
      queue, books, logs, scheduler, [] { return std::vector<Part>{}; },
      [] { return ClusterRoom{}; }, clock, "ml-training",
      [] { return std::vector<budgets::BudgetView>{}; }, [] { return anomaly::AlertsView{}; });
  runtime::Metrics metrics;
  runtime::Health health;
  const auto first = Server::start("127.0.0.1:0", api, metrics, health);
  ASSERT_TRUE(first);
  const auto second =
      Server::start("127.0.0.1:" + std::to_string((*first)->port()), api, metrics, health);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("OPPEN_LISTEN"));
  for (const auto* listen : {"8088", ":8088", "127.0.0.1:http", "127.0.0.1:70000"}) {
    EXPECT_FALSE(Server::start(listen, api, metrics, health)) << listen;
  }
}

}  // namespace
}  // namespace oppen::console
