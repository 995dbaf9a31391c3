// Proves over real HTTP what /metrics, /healthz and /readyz answer, how a worker's own paths are
// matched, and that a handler that fails costs one answer, not the process.
#include "workers/runtime/health_server.hpp"

#include <gmock/gmock.h>
#include <httplib.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/support/httplib_statics.hpp"

namespace oppen::runtime {
namespace {

using testing::HasSubstr;

class HealthServerTest : public testing::Test {
 protected:
  void start(std::map<std::string, HttpHandler> get = {},
             std::map<std::string, HttpHandler> post = {}) {
    auto server =
        HealthServer::start("127.0.0.1:0", metrics_, health_, std::move(get), std::move(post));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    http_ = std::make_unique<httplib::Client>("127.0.0.1", server_->port());
  }

  Metrics metrics_;
  Health health_;
  std::unique_ptr<HealthServer> server_;
  std::unique_ptr<httplib::Client> http_;
};

TEST_F(HealthServerTest, ServesMetrics) {
  metrics_.gauge("oppen_leader", "Leads.").set(1);
  start();
  const auto answer = http_->Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->get_header_value("Content-Type"), HasSubstr("version=0.0.4"));
  EXPECT_EQ(answer->body, metrics_.render());
}

TEST_F(HealthServerTest, IsAliveAfterABeat) {
  start();
  health_.beat();
  EXPECT_EQ(http_->Get("/healthz")->status, 200);
}

TEST_F(HealthServerTest, IsReadyWhenAllDependenciesAre) {
  start();
  health_.set("kafka", {});
  health_.set("redis", fail(ErrorKind::unavailable, "Redis at h:1: refused"));
  auto answer = http_->Get("/readyz");
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(
      nlohmann::json::parse(answer->body),
      nlohmann::json::parse(
          R"({"ready":false,"dependencies":{"kafka":"ok","redis":"Redis at h:1: refused"}})"));
  health_.set("redis", {});
  answer = http_->Get("/readyz");
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(nlohmann::json::parse(answer->body).at("ready"), true);
}

TEST_F(HealthServerTest, PassesPathAndQueryParameters) {
  const auto echo = [](const HttpQuery& query) {
    return HttpAnswer{
        200, nlohmann::json{{"path", query.path}, {"params", query.params}, {"body", query.body}}
                 .dump()};
  };
  start({{"/api/v1/jobs/:id", echo}, {"/api/v1/jobs/:id/explain", echo}},
        {{"/api/v1/simulate", echo}});
  auto params = [](const httplib::Result& answer) {
    return nlohmann::json::parse(answer->body).at("params");
  };
  EXPECT_EQ(params(http_->Get("/api/v1/jobs/a.b-1?limit=5")),
            (nlohmann::json{{"id", "a.b-1"}, {"limit", "5"}}));
  EXPECT_EQ(params(http_->Get("/api/v1/jobs/x/explain")), (nlohmann::json{{"id", "x"}}));
  EXPECT_EQ(http_->Get("/api/v1/jobs/x/y")->status, 404);
  EXPECT_EQ(http_->Get("/apiXv1/jobs/x")->status, 404);
  const auto posted = http_->Post("/api/v1/simulate", "[1]", "application/json");
  EXPECT_EQ(nlohmann::json::parse(posted->body).at("body"), "[1]");
  EXPECT_THAT(http_->Get("/nowhere")->body, HasSubstr("no such path: /nowhere"));
}

TEST_F(HealthServerTest, SurvivesAHandlerThatThrows) {
  start({{"/broken",
          [](const HttpQuery&) -> HttpAnswer { throw std::runtime_error("private detail"); }}});
  const auto answer = http_->Get("/broken");
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(answer->body.find("private"), std::string::npos);
  EXPECT_EQ(http_->Get("/metrics")->status, 200);
}

TEST_F(HealthServerTest, RefusesTooLargeABody) {
  start({}, {{"/take", [](const HttpQuery&) { return HttpAnswer{}; }}});
  EXPECT_EQ(http_->Post("/take", std::string(33u << 20, 'x'), "text/plain")->status, 413);
}

TEST_F(HealthServerTest, SaysThatThePortIsTaken) {
  start();
  const auto second =
      HealthServer::start("127.0.0.1:" + std::to_string(server_->port()), metrics_, health_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::fatal);
  EXPECT_THAT(second.error().message, HasSubstr("OPPEN_LISTEN"));
  EXPECT_FALSE(HealthServer::start("nonsense", metrics_, health_));
  EXPECT_FALSE(HealthServer::start("127.0.0.1:99999", metrics_, health_));
}

}  // namespace
}  // namespace oppen::runtime
