// Proves over real HTTP what is sent to MLflow, with which credentials, and what each answer means.
#include "producers/mlflow/http_api.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "tests/component/http/scripted_server.hpp"
#include "tests/support/temporary_folder.hpp"

namespace oppen::mlflow {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::oppen::test::Answer;
using ::oppen::test::Asked;
using ::oppen::test::ScriptedServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class HttpApiTest : public ::testing::Test {
 protected:
  HttpApi api(const Credentials& credentials = {}, const std::string& path = "") {
    return *HttpApi::create(http_, server_.url() + path, credentials, "");
  }
  void answer_with(const Answer& answer) {
    const std::lock_guard lock(mutex_);
    answer_ = answer;
  }
  Asked asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  Error error_of(const Answer& answer) {
    answer_with(answer);
    const auto answered = api().post("runs/search", json::object());
    return answered ? Error{ErrorKind::fatal, "it was answered"} : answered.error();
  }

  std::mutex mutex_;  // for what the server's threads also see
  Answer answer_{200, "{}"};
  Asked asked_;
  ScriptedServer server_{[this](const Asked& asked) {
    const std::lock_guard lock(mutex_);
    asked_ = asked;
    return answer_;
  }};
  runtime::HttpClient http_;
};

TEST_F(HttpApiTest, AsksAndReadsTheAnswer) {
  answer_with({200, R"({"runs": [1, 2]})"});
  const auto answer = api({}, "/behind/a/proxy/").post("runs/search", {{"max_results", 7}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->at("runs").size(), 2U);
  EXPECT_EQ(asked().method, "POST");
  EXPECT_EQ(asked().path, "/behind/a/proxy/api/2.0/mlflow/runs/search");
  EXPECT_EQ(asked().body, R"({"max_results":7})");
  EXPECT_EQ(asked().headers.count("authorization"), 0U);
}

TEST_F(HttpApiTest, ProvesWhoItIs) {
  ASSERT_TRUE(api({.token = "t0ken"}).post("x", {}));
  EXPECT_EQ(asked().headers["authorization"], "Bearer t0ken");
  ASSERT_TRUE(api({.username = "ann", .password = "p:w?"}).post("x", {}));
  EXPECT_EQ(asked().headers["authorization"], "Basic YW5uOnA6dz8=");

  const test::TemporaryFolder folder;
  const auto file = folder.write("token", "first\n");
  auto with_file = api({.token_file = file});
  ASSERT_TRUE(with_file.post("x", {}));
  EXPECT_EQ(asked().headers["authorization"], "Bearer first");
  folder.write("token", "second\n");  // it is replaced while the bridge runs
  ASSERT_TRUE(with_file.post("x", {}));
  EXPECT_EQ(asked().headers["authorization"], "Bearer second");
  folder.write("token", "two\r\nlines\n");
  EXPECT_EQ(with_file.post("x", {}).error().kind, ErrorKind::refused);
  std::filesystem::remove(file);
  EXPECT_THAT(with_file.post("x", {}).error().message, HasSubstr(file));
}

TEST_F(HttpApiTest, WhatEachAnswerMeans) {
  const auto unauthorized = error_of({401, "You are not authenticated."});
  EXPECT_EQ(unauthorized.kind, ErrorKind::refused);
  EXPECT_THAT(unauthorized.message,
              AllOf(HasSubstr("answers 401"), HasSubstr("MLFLOW_TRACKING_TOKEN")));
  EXPECT_THAT(error_of({403, ""}).message, HasSubstr("READ"));
  EXPECT_THAT(error_of({404, ""}).message, HasSubstr("MLFLOW_TRACKING_URI"));
  const auto gone = error_of(
      {404, R"({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Run with id=a not found"})"});
  EXPECT_EQ(gone.kind, ErrorKind::not_found);
  EXPECT_THAT(gone.message, HasSubstr("Run with id=a not found"));
  const auto bad = error_of({400, R"({"error_code": "X", "message": "Invalid filter"})"});
  EXPECT_EQ(bad.kind, ErrorKind::refused);
  EXPECT_THAT(bad.message, HasSubstr("Invalid filter"));
  EXPECT_EQ(error_of({500, ""}).kind, ErrorKind::unavailable);
  EXPECT_EQ(error_of({503, "busy"}).kind, ErrorKind::unavailable);
  EXPECT_THAT(error_of({200, "<html>Log in</html>"}).message, HasSubstr("<html>Log in"));
  EXPECT_EQ(error_of({200, "[]"}).kind, ErrorKind::refused);
  EXPECT_EQ(error_of({302, ""}).kind, ErrorKind::refused) << "no redirect is followed";
  EXPECT_EQ(error_of({200, std::string(std::size_t{5} << 20, ' ')}).kind, ErrorKind::invalid);
  EXPECT_EQ(error_of({.lost = true}).kind, ErrorKind::unavailable);
}

TEST_F(HttpApiTest, RetryAfter) {
  auto asks = api();
  answer_with({429, "", {{"retry-after", "7"}}});
  EXPECT_EQ(asks.post("x", {}).error().kind, ErrorKind::unavailable);
  EXPECT_EQ(asks.retry_after(), 7s);
  answer_with({429, "", {{"retry-after", "99999999999"}}});
  EXPECT_FALSE(asks.post("x", {}));
  EXPECT_EQ(asks.retry_after(), 600s);
  answer_with({200, "{}"});
  EXPECT_TRUE(asks.post("x", {}));
  EXPECT_EQ(asks.retry_after(), 0s);
}

TEST(HttpApi, NobodyThere) {
  runtime::HttpClient http;
  auto api = *HttpApi::create(http, "http://127.0.0.1:1", {}, "");
  const auto answer = api.post("x", {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unavailable);
}

TEST(HttpApi, AddressesThatAreNone) {
  runtime::HttpClient http;
  for (const auto* uri : {"", "databricks", "sqlite:///mlflow.db", "file:///runs", "http://",
                          "https://a b", "http://host/?x=1"}) {
    const auto api = HttpApi::create(http, uri, {}, "");
    ASSERT_FALSE(api) << uri;
    EXPECT_THAT(api.error().message, AllOf(HasSubstr("MLFLOW_TRACKING_URI"), HasSubstr(uri)));
  }
  const auto with_password = HttpApi::create(http, "https://ann:hunter2@mlflow", {}, "");
  ASSERT_FALSE(with_password);
  EXPECT_THAT(with_password.error().message, AllOf(HasSubstr("@"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(HttpApi::create(http, "https://mlflow", {}, "/no/ca.pem").error().message,
              HasSubstr("/no/ca.pem"));
}

class CredentialsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto* name : names) unsetenv(name);
  }
  void TearDown() override { SetUp(); }
  static constexpr const char* names[] = {"MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME",
                                          "MLFLOW_TRACKING_PASSWORD"};
};

TEST_F(CredentialsTest, OneWayOrNone) {
  EXPECT_TRUE(Credentials::from_environment(""));
  setenv("MLFLOW_TRACKING_USERNAME", "ann", 1);
  EXPECT_THAT(Credentials::from_environment("").error().message,
              HasSubstr("MLFLOW_TRACKING_PASSWORD is missing"));
  setenv("MLFLOW_TRACKING_PASSWORD", "hunter2", 1);
  EXPECT_EQ(Credentials::from_environment("")->password, "hunter2");
  EXPECT_FALSE(Credentials::from_environment("/a/file"));
  setenv("MLFLOW_TRACKING_TOKEN", "t0ken", 1);
  const auto both = Credentials::from_environment("");
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error().message, Not(AllOf(HasSubstr("hunter2"), HasSubstr("t0ken"))));
  SetUp();
  setenv("MLFLOW_TRACKING_TOKEN", "two\nlines", 1);
  EXPECT_FALSE(Credentials::from_environment(""));
}

}  // namespace
}  // namespace oppen::mlflow
