// Proves over real HTTP what the console is asked of costs, and what each of its answers means.
#include "producers/mlflow/console_costs.hpp"

#include <gmock/gmock.h>

#include <mutex>

#include "tests/component/http/scripted_server.hpp"

namespace oppen::mlflow {
namespace {

using ::oppen::test::Answer;
using ::oppen::test::Asked;
using ::oppen::test::ScriptedServer;
using ::testing::HasSubstr;

class ConsoleCostsTest : public ::testing::Test {
 protected:
  Result<std::map<std::string, MicroUsd>> charged(const Answer& answer,
                                                  const std::vector<std::string>& attempts) {
    {
      const std::lock_guard lock(mutex_);
      answer_ = answer;
    }
    return ConsoleCosts::create(http_, server_.url() + "/").value().charged(attempts);
  }
  Error error_of(const Answer& answer) {
    const auto costs = charged(answer, {"a/1"});
    return costs ? Error{ErrorKind::fatal, "it was answered"} : costs.error();
  }

  std::mutex mutex_;  // for what the server's threads also see
  Answer answer_;
  Asked asked_;
  ScriptedServer server_{[this](const Asked& asked) {
    const std::lock_guard lock(mutex_);
    asked_ = asked;
    return answer_;
  }};
  runtime::HttpClient http_;
};

TEST_F(ConsoleCostsTest, AsksForAllAtOnce) {
  const auto costs =
      charged({200, R"({"attempts": [{"job_id": "a", "attempt": 2, "total_microusd": 20500},
                             {"run_id": "0af3", "attempt": 0, "total_microusd": 7}]})"},
              {"a/2", "0af3", "odd&%"});
  ASSERT_TRUE(costs) << costs.error().message;
  EXPECT_EQ(*costs, (std::map<std::string, MicroUsd>{{"a/2", {20'500}}, {"0af3", {7}}}));
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(asked_.method, "GET");
  EXPECT_EQ(asked_.path, "/api/v1/costs");
  EXPECT_EQ(asked_.params["attempts"], "a/2,0af3,odd&%");
}

TEST_F(ConsoleCostsTest, WhatEachAnswerMeans) {
  EXPECT_EQ(error_of({503, "Redis is away"}).kind, ErrorKind::unavailable);
  EXPECT_THAT(error_of({503, "Redis is away"}).message, HasSubstr("Redis is away"));
  EXPECT_EQ(error_of({.lost = true}).kind, ErrorKind::unavailable);
  EXPECT_EQ(error_of({400, "attempts is not known"}).kind, ErrorKind::refused);
  EXPECT_THAT(error_of({200, "<html>Log in</html>"}).message, HasSubstr("<html>Log in"));
  EXPECT_EQ(error_of({200, R"({"attempts": [{"attempt": 1}]})"}).kind, ErrorKind::refused);
  EXPECT_EQ(error_of({200, R"({"days": []})"}).kind, ErrorKind::refused);
}

TEST_F(ConsoleCostsTest, AddressesThatAreNone) {
  for (const auto* url : {"console", "http://a b", "http://host/?x=1"})
    EXPECT_THAT(ConsoleCosts::create(http_, url).error().message, HasSubstr(url));
  const auto with_password = ConsoleCosts::create(http_, "http://ann:hunter2@console");
  EXPECT_THAT(with_password.error().message, ::testing::Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace oppen::mlflow
