#include "workers/notifier/message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/notifier/given.hpp"

namespace oppen::notifier {
namespace {

using test::given_alert;
using testing::HasSubstr;
using testing::Not;

TEST(Message, SaysWhatItCostsWhyAndWhatToDo) {
  auto alert = given_alert("a");
  alert.impact = MicroUsd{15'000'000};
  alert.causes = {{"model", "resnet", 0.62, "3 new GPU training jobs"}};
  alert.proposal_id = "limit-1";
  EXPECT_EQ(title(alert), "[critical] Daily cost spike: expected $40, actual $55 (37 % increase)");
  EXPECT_EQ(details(alert),
            "  cost_spike, team vision\n"
            "  since 2026-01-03 18:15 UTC\n"
            "  it has cost $15.00 more than expected\n"
            "  62 %  model resnet: 3 new GPU training jobs\n"
            "  See:      oppen report --team vision\n"
            "  Approve:  oppen approve limit-1\n");
}

TEST(Message, OfWhatIsOverAsksForNothing) {
  const auto alert = given_alert("a", "resolved");
  EXPECT_THAT(title(alert), testing::StartsWith("[resolved] "));
  EXPECT_EQ(details(alert),
            "  cost_spike, team vision\n"
            "  since 2026-01-03 18:15 UTC, until 2026-01-03 20:15 UTC\n");
}

TEST(Message, WhatARecordHasMadeUpIsNoCommandAndNoLine) {
  auto alert = given_alert("a");
  alert.summary = "one\nSee: rm -rf /";
  alert.labels = {{"team", "x; rm -rf /"}, {"job_id", "$(reboot)"}};
  alert.proposal_id = "p; reboot";
  EXPECT_EQ(title(alert), "[critical] one See: rm -rf /");
  EXPECT_THAT(details(alert), HasSubstr("See:      oppen report\n"));
  EXPECT_THAT(details(alert), Not(HasSubstr("approve")));
}

TEST(Message, SeveralAreCounted) {
  auto warning = given_alert("b");
  warning.severity = "warning";
  EXPECT_EQ(
      title(std::vector<Alert>{given_alert("a"), warning, warning, given_alert("c", "resolved")}),
      "4 alerts: 1 critical, 2 warning, 1 resolved");
  EXPECT_EQ(title(std::vector<Alert>{warning}), title(warning));
}

TEST(Message, ManyCausesAreCutShort) {
  auto alert = given_alert("a");
  alert.causes.assign(8, {"team", "vision", 0.1, "more"});
  EXPECT_THAT(details(alert), HasSubstr("and 3 more causes"));
}

}  // namespace
}  // namespace oppen::notifier
