#include "workers/notifier/route.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/support/temporary_folder.hpp"
#include "tests/unit/notifier/given.hpp"

namespace oppen::notifier {
namespace {

using test::given_alert;
using testing::HasSubstr;
using testing::Not;

std::string error_of(const std::string& text) {
  const auto routes = parse_routes(text, "routes.json");
  return routes ? "" : routes.error().message;
}

TEST(Routes, EveryKindOfChannelIsRead) {
  const auto routes = parse_routes(R"({"routes": [
    {"name": "a", "type": "slack", "url": {"env": "SLACK"}, "teams": ["vision"], "severities": ["critical"]},
    {"name": "b", "type": "email", "server": "smtps://mail:465", "from": "a@b.c", "to": ["d@e.f"],
     "username": "u", "password": {"file": "/p"}, "canary_minutes": 60},
    {"name": "c", "type": "webhook", "url": "https://x/y", "signing_secret": {"file": "/s"}, "resolved": false},
    {"name": "d", "type": "alertmanager", "url": "http://am:9093", "messages_per_minute": 600}]})",
                                   "routes.json");
  ASSERT_TRUE(routes) << routes.error().message;
  ASSERT_EQ(routes->size(), 4U);
  EXPECT_EQ((*routes)[0].channel.url.from, Secret::From::environment);
  EXPECT_EQ((*routes)[1].channel.to, std::vector<std::string>{"d@e.f"});
  EXPECT_TRUE((*routes)[1].channel.start_tls);
  EXPECT_EQ((*routes)[1].canary, std::chrono::hours(1));
  EXPECT_FALSE((*routes)[2].resolved);
  EXPECT_EQ((*routes)[2].repeat, std::chrono::minutes(0));
  EXPECT_EQ((*routes)[3].repeat, std::chrono::minutes(1)) << "Alertmanager forgets";
  EXPECT_EQ((*routes)[3].messages_per_minute, 600);
}

TEST(Routes, WhatIsWrongIsNamedAllAtOnce) {
  const auto error = error_of(R"({"routes": [
    {"name": "A b", "type": "slack", "url": "https://hooks/T0/secret"},
    {"name": "b", "type": "email", "server": "mail", "from": "x", "to": []},
    {"name": "b", "type": "webhook", "url": "http://x", "repeat_minutes": -1, "severity": "critical",
     "severities": ["loud"]},
    {"name": "c", "type": "pager"}, 7]})");
  EXPECT_THAT(error, HasSubstr("routes[0].name is \"A b\": expected a DNS label"));
  EXPECT_THAT(error, HasSubstr("routes[0].url is ***: expected {\"file\": PATH}"));
  EXPECT_THAT(error, Not(HasSubstr("secret\"")));
  EXPECT_THAT(error, HasSubstr("routes[1].server is \"mail\": expected smtp://"));
  EXPECT_THAT(error, HasSubstr("routes[1].from is \"x\""));
  EXPECT_THAT(error, HasSubstr("routes[1].to is []"));
  EXPECT_THAT(error, HasSubstr("routes[2].name is \"b\": expected a name that no other route has"));
  EXPECT_THAT(error,
              HasSubstr("routes[2].repeat_minutes is -1: expected a whole number from 0 to"));
  EXPECT_THAT(error, HasSubstr("routes[2].severity is ***: expected no such key"));
  EXPECT_THAT(error, HasSubstr("routes[2].severities is \"loud\""));
  EXPECT_THAT(error, HasSubstr("routes[3].type is \"pager\": expected slack, email"));
  EXPECT_THAT(error, HasSubstr("routes[4] is 7: expected an object"));
}

TEST(Routes, AFileThatIsNone) {
  EXPECT_THAT(error_of("routes: []"), HasSubstr("routes.json is not JSON"));
  EXPECT_THAT(error_of("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(error_of(R"({"routes": []})"),
              HasSubstr("routes is ***: expected a list of 1 to 32"));
  EXPECT_THAT(error_of("{}"), HasSubstr("routes is missing"));
  EXPECT_THAT(read_routes("/nowhere").error().message, HasSubstr("/nowhere"));
}

TEST(Routes, ASecretInTheWrongPlaceIsNotShown) {
  for (const auto* text :
       {R"({"routes": [{"name": "a", "type": "Slack", "url": "https://h/secret"}]})",
        R"({"routes": [{"name": "a", "type": "slack", "pasword": "secret"}]})",
        R"({"routes": {"url": "secret"}})"})
    EXPECT_THAT(error_of(text),
                testing::AllOf(Not(HasSubstr("secret\"")), Not(HasSubstr("h/secret")),
                               Not(testing::IsEmpty())));
}

TEST(Routes, NoLineBreakGetsIntoAHeader) {
  EXPECT_THAT(error_of(R"({"routes": [{"name": "a", "type": "email", "server": "smtp://m",
                           "from": "a@b.c\r\nBcc: x@y.z", "to": ["d@e.f"]}]})"),
              HasSubstr("routes[0].from"));
}

TEST(Routes, AnAlertGoesWhereAllOfItFits) {
  Route route;
  EXPECT_TRUE(route.takes(given_alert("a")));
  route.teams = {"vision", "speech"};
  route.severities = {"critical"};
  route.kinds = {"cost_spike"};
  EXPECT_TRUE(route.takes(given_alert("a")));
  auto other = given_alert("a");
  other.labels.clear();
  EXPECT_FALSE(route.takes(other)) << "no team";
  other = given_alert("a");
  other.severity = "info";
  EXPECT_FALSE(route.takes(other));
  route.resolved = false;
  EXPECT_FALSE(route.takes(given_alert("a", "resolved")));
}

TEST(Secrets, AreReadFromWhereTheyAre) {
  const test::TemporaryFolder folder;
  const auto path = folder.write("secret", "one\n");
  const Secret secret{Secret::From::file, path};
  EXPECT_EQ(secret.read().value(), "one");
  folder.write("secret", "two\n");
  EXPECT_EQ(secret.read().value(), "two") << "it may be replaced";
  std::filesystem::remove(path);
  EXPECT_FALSE(secret.read());
  EXPECT_THAT((Secret{Secret::From::environment, "OPPEN_NO_SUCH_SECRET"}).read().error().message,
              HasSubstr("OPPEN_NO_SUCH_SECRET is not set"));
}

}  // namespace
}  // namespace oppen::notifier
