#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/notifier/given.hpp"
#include "workers/notifier/email_channel.hpp"
#include "workers/notifier/http_channels.hpp"

namespace oppen::notifier {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::given_alert;
using test::given_time;
using testing::HasSubstr;
using testing::Not;

Message given_message(std::vector<Alert> alerts) {
  return {"d1", "r", std::move(alerts), given_time("2026-01-03T18:20:00Z"), 1min};
}

TEST(SlackText, IsNotReadAsMarkup) {
  auto alert = given_alert("a");
  alert.summary = "<!channel> a & b";
  const auto body = json::parse(slack_body(given_message({alert})));
  EXPECT_THAT(body["text"].get<std::string>(),
              HasSubstr("*[critical] &lt;!channel&gt; a &amp; b*"));
}

TEST(SlackText, OfManyStaysBelowWhatSlackTakes) {
  auto alert = given_alert("a");
  for (int i = 0; i < 60; ++i) alert.labels["label" + std::to_string(i)] = std::string(200, 'x');
  alert.causes.assign(5, {"team", std::string(300, 'y'), 0.2, std::string(300, 'z')});
  const auto body = json::parse(slack_body(given_message(std::vector<Alert>(20, alert))));
  EXPECT_LT(body["text"].get<std::string>().size(), 40'000U);
}

TEST(WebhookBody, HoldsTheAlertsAsTheyAreOnTheBus) {
  const auto body = json::parse(webhook_body(given_message({given_alert("a")})));
  EXPECT_EQ(body["delivery_id"], "d1");
  EXPECT_EQ(body["alerts"][0]["fingerprint"], "a");
  EXPECT_EQ(body["alerts"][0]["started_at"], "2026-01-03T18:15:00.000Z");
}

TEST(Signature, IsThatOfTheSpecification) {
  // The example of the Standard Webhooks libraries.
  const auto headers =
      signature_headers("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
                        1'614'265'330s, R"({"test": 2432232314})");
  ASSERT_TRUE(headers);
  EXPECT_THAT(*headers, testing::ElementsAre(
                            testing::Pair("webhook-timestamp", "1614265330"),
                            testing::Pair("webhook-signature",
                                          "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")));
  for (const auto* wrong : {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%%"}) {
    const auto refused = signature_headers(wrong, "id", 1s, "");
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  }
}

TEST(RetryAfter, IsSecondsOrADate) {
  const auto now = test::given_time("2026-01-04T12:00:00Z");
  EXPECT_EQ(asked_wait("90", now), 90s);
  EXPECT_EQ(asked_wait("Sun, 04 Jan 2026 12:02:00 GMT", now), 120s);
  EXPECT_EQ(asked_wait("Sun, 04 Jan 2026 11:00:00 GMT", now), 0s) << "it is over";
  EXPECT_EQ(asked_wait("86400", now), 1h) << "it is asked again after an hour";
  for (const char* none : {"", "soon", "-5", "99999999999999999999"})
    EXPECT_EQ(asked_wait(none, now), 0s) << none;
}

TEST(AlertmanagerBody, EndsWhatIsOverAndLetsEndWhatIsNotToldAgain) {
  auto alert = given_alert("a");
  alert.labels["oppen.dev/job-id"] = "j";
  const auto body =
      json::parse(alertmanager_body(given_message({alert, given_alert("b", "resolved")})));
  EXPECT_EQ(body[0]["labels"], (json{{"alertname", "cost_spike"},
                                     {"severity", "critical"},
                                     {"fingerprint", "a"},
                                     {"team", "vision"},
                                     {"oppen_dev_job_id", "j"}}));
  EXPECT_EQ(body[0]["endsAt"], "2026-01-03T18:23:00.000Z");
  EXPECT_EQ(body[1]["endsAt"], "2026-01-03T20:15:00.000Z");
  EXPECT_EQ(body[1]["startsAt"], "2026-01-03T18:15:00.000Z");
}

TEST(Mail, HeadersArePlainAscii) {
  EXPECT_EQ(header_text("37 % more"), "37 % more");
  const auto coded = header_text("Kosten: 37 % höher, und das seit drei Tagen — bitte nachsehen");
  EXPECT_THAT(coded, testing::StartsWith("=?UTF-8?B?"));
  EXPECT_THAT(coded, HasSubstr("?=\r\n =?UTF-8?B?"));
  EXPECT_THAT(header_text("a\r\nBcc: x"), Not(HasSubstr("Bcc")));
  EXPECT_EQ(mail_date(given_time("2026-01-03T18:15:07Z")), "Sat, 03 Jan 2026 18:15:07 +0000");
}

}  // namespace
}  // namespace oppen::notifier
