#include "workers/notifier/waiting.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/notifier/given.hpp"

namespace oppen::notifier {
namespace {

using namespace std::chrono_literals;
using test::given_alert;

const Time start = test::given_time("2026-01-04T00:00:00Z");

Route given_route() {
  Route route;
  route.name = "r";
  route.channel.type = ChannelType::slack;
  return route;
}

std::vector<std::string> ids(const std::optional<Message>& message) {
  std::vector<std::string> all;
  if (message) {
    for (const auto& alert : message->alerts) all.push_back(alert.alert_id);
  }
  return all;
}

TEST(WaitingAlerts, GoOutTogetherTheOldestFirst) {
  Waiting waiting(given_route());
  auto later = given_alert("a");
  later.started_at += 1h;
  waiting.accept(later, {});
  waiting.accept(given_alert("b"), {});
  const auto message = waiting.next(start);
  EXPECT_EQ(ids(message), (std::vector<std::string>{"b-firing", "a-firing"}));
  EXPECT_FALSE(waiting.next(start)) << "one at a time";
  EXPECT_EQ(waiting.delivered(*message, start).size(), 2U);
  EXPECT_EQ(waiting.size(), 0U);
  EXPECT_FALSE(waiting.next(start + 24h));
}

TEST(WaitingAlerts, OfAnEpisodeTheLatestStateIsTold) {
  Waiting waiting(given_route());
  waiting.accept(given_alert("a"), {});
  const auto first = waiting.next(start);
  // While that is under way it is over.
  waiting.accept(given_alert("a", "resolved"), {});
  EXPECT_TRUE(waiting.delivered(*first, start).empty()) << "what is stored is another state";
  const auto second = waiting.next(start + 1s);
  EXPECT_EQ(ids(second), std::vector<std::string>{"a-resolved"});
  EXPECT_NE(second->id, first->id);
  const auto changes = waiting.delivered(*second, start + 1s);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_FALSE(changes[0].entry);
}

TEST(WaitingAlerts, TheWaitDoublesUpToFiveMinutesAndNothingIsLost) {
  Waiting waiting(given_route());
  waiting.accept(given_alert("a"), {});
  auto now = start;
  std::chrono::milliseconds wait = 1s;
  std::string id;
  for (int i = 0; i < 20; ++i) {
    const auto message = waiting.next(now);
    ASSERT_EQ(ids(message), std::vector<std::string>{"a-firing"}) << i;
    EXPECT_TRUE(id.empty() || message->id == id) << "the receiver knows it again";
    id = message->id;
    waiting.postponed(now);
    EXPECT_FALSE(waiting.next(now + wait * 7 / 10)) << i;
    now += wait * 13 / 10;
    wait = std::min<std::chrono::milliseconds>(wait * 2, 5min);
  }
  const auto message = waiting.next(now);
  ASSERT_TRUE(message);
  waiting.delivered(*message, now);
  waiting.accept(given_alert("b"), {});
  EXPECT_TRUE(waiting.next(now)) << "it begins at a second again, and not before the next failure";
}

TEST(WaitingAlerts, OneThatIsRefusedTakesNoOtherWithIt) {
  Waiting waiting(given_route());
  for (const auto* name : {"a", "b", "c"}) waiting.accept(given_alert(name), {});
  std::vector<std::string> delivered;
  int messages = 0;
  for (auto now = start; waiting.size() > 0; now += 1min) {
    const auto message = waiting.next(now);
    ASSERT_TRUE(message);
    ASSERT_LT(++messages, 10);
    const auto all = ids(message);
    if (std::find(all.begin(), all.end(), "b-firing") != all.end()) {
      waiting.refused(*message);
    } else {
      delivered.insert(delivered.end(), all.begin(), all.end());
      waiting.delivered(*message, now);
    }
  }
  EXPECT_EQ(delivered, (std::vector<std::string>{"a-firing", "c-firing"}));
}

TEST(WaitingAlerts, NoMoreMessagesThanAreAllowed) {
  auto route = given_route();
  route.messages_per_minute = 3;
  Waiting waiting(route);
  int messages = 0;
  for (int second = 0; second < 120; ++second) {
    waiting.accept(given_alert(std::to_string(second)), {});
    const auto now = start + std::chrono::seconds(second);
    while (const auto message = waiting.next(now)) {
      ++messages;
      waiting.delivered(*message, now);
    }
  }
  EXPECT_LE(messages, 3 + 6);
  EXPECT_GE(messages, 3 + 5);
  const auto last = waiting.next(start + 10min);
  ASSERT_TRUE(last);
  EXPECT_LE(last->alerts.size(), 20U) << "a person reads it";
}

TEST(WaitingAlerts, WhatStillFiresIsToldAgainWhereThatIsWanted) {
  auto route = given_route();
  route.repeat = 60min;
  Waiting waiting(route);
  waiting.accept(given_alert("a"), {});
  const auto first = waiting.next(start);
  const auto changes = waiting.delivered(*first, start);
  ASSERT_EQ(changes.size(), 1U);
  ASSERT_TRUE(changes[0].entry && changes[0].entry->told);
  // Also after a restart.
  Waiting restarted(route);
  restarted.load({{"a", *changes[0].entry}});
  EXPECT_FALSE(restarted.next(start + 59min));
  const auto second = restarted.next(start + 60min);
  EXPECT_EQ(ids(second), std::vector<std::string>{"a-firing"});
  EXPECT_NE(second->id, first->id) << "or the receiver would drop it";
  restarted.delivered(*second, start + 60min);
  restarted.accept(given_alert("a", "resolved"), {});
  const auto last = restarted.next(start + 61min);
  EXPECT_EQ(ids(last), std::vector<std::string>{"a-resolved"});
  restarted.delivered(*last, start + 61min);
  EXPECT_EQ(restarted.size(), 0U);
}

TEST(WaitingAlerts, WhatDoesNotGoByTheRouteAnyMoreIsForgotten) {
  auto route = given_route();
  route.repeat = 60min;
  route.resolved = false;
  Waiting waiting(route);
  waiting.accept(given_alert("a"), {});
  const auto message = waiting.next(start);
  waiting.delivered(*message, start);
  const auto changes = waiting.accept(given_alert("a", "resolved"), {});
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_FALSE(changes[0].entry);
  EXPECT_FALSE(waiting.next(start + 2h));
  EXPECT_TRUE(waiting.accept(given_alert("b", "resolved"), {}).empty()) << "nothing has changed";
}

Alert of_severity(const std::string& severity, const std::string& state) {
  auto alert = given_alert("a", state);
  alert.alert_id += "-" + severity;
  alert.severity = severity;
  return alert;
}

TEST(WaitingAlerts, TheEndGoesWhereTheBeginningWentHoweverGraveItIsByThen) {
  auto route = given_route();
  route.severities = {"critical"};
  Waiting critical(route);
  route.severities = {"warning"};
  Waiting warning(route);
  std::optional<Entry> stored;
  for (const auto* state : {"firing", "updated", "resolved"}) {
    const auto alert = of_severity(state == std::string("firing") ? "critical" : "warning", state);
    critical.accept(alert, {});
    warning.accept(alert, {});
    if (const auto message = critical.next(start))
      stored = critical.delivered(*message, start)[0].entry;
    if (state == std::string("updated")) {
      ASSERT_TRUE(stored);
      EXPECT_EQ(stored->alert.alert_id, "a-firing-critical") << "what was told there";
      EXPECT_EQ(critical.size(), 0U);
      critical = Waiting(critical.route());
      EXPECT_TRUE(critical.load({{"a", *stored}}).empty()) << "also after a restart";
    }
  }
  EXPECT_FALSE(stored) << "the end was told";
  ASSERT_EQ(ids(warning.next(start)), std::vector<std::string>{"a-resolved-warning"});
}

TEST(WaitingAlerts, TheEndGoesWhereTheBeginningWentThoughAnUpdateDidNotArrive) {
  auto route = given_route();
  route.severities = {"warning"};
  Waiting waiting(route);
  waiting.accept(of_severity("warning", "firing"), {});
  waiting.delivered(*waiting.next(start), start);
  waiting.accept(of_severity("warning", "updated"), {});
  ASSERT_TRUE(waiting.next(start));
  waiting.postponed(start);
  EXPECT_TRUE(waiting.accept(of_severity("critical", "updated"), {}).empty());
  waiting.accept(of_severity("critical", "resolved"), {});
  const auto last = waiting.next(start + 1min);
  ASSERT_EQ(ids(last), std::vector<std::string>{"a-resolved-critical"});
  EXPECT_EQ(last->alerts[0].severity, "warning");
}

TEST(WaitingAlerts, TheEndIsToldToWhomTheBeginningWasSentByOneThatDied) {
  auto route = given_route();
  route.severities = {"warning"};
  Waiting dead(route);
  const auto stored = dead.accept(of_severity("warning", "firing"), {});
  ASSERT_TRUE(dead.next(start)) << "it arrives, and that is not recorded";
  Waiting waiting(route);
  waiting.load({{"a", *stored.at(0).entry}});
  waiting.accept(of_severity("critical", "updated"), {});
  waiting.accept(of_severity("critical", "resolved"), {});
  EXPECT_EQ(ids(waiting.next(start)), std::vector<std::string>{"a-resolved-critical"});
}

TEST(WaitingAlerts, AnUpdateThatIsRefusedTakesNoEndWithIt) {
  Waiting waiting(given_route());
  for (const auto* state : {"firing", "updated"}) {
    waiting.accept(given_alert("a", state), {});
    const auto message = waiting.next(start);
    ASSERT_TRUE(message);
    if (state == std::string("firing")) {
      waiting.delivered(*message, start);
    } else {
      waiting.refused(*message);
    }
  }
  EXPECT_FALSE(waiting.next(start + 1min)) << "it is not tried again";
  waiting.accept(given_alert("a", "resolved"), {});
  EXPECT_EQ(ids(waiting.next(start + 1min)), std::vector<std::string>{"a-resolved"});
}

TEST(WaitingAlerts, ARepetitionThatIsRefusedTakesNoEndWithIt) {
  auto route = given_route();
  route.repeat = 1min;
  Waiting waiting(route);
  waiting.accept(given_alert("a"), {});
  waiting.delivered(*waiting.next(start), start);
  const auto again = waiting.next(start + 1min);
  ASSERT_TRUE(again);
  waiting.refused(*again);
  waiting.accept(given_alert("a", "resolved"), {});
  EXPECT_EQ(ids(waiting.next(start + 2min)), std::vector<std::string>{"a-resolved"});
}

TEST(WaitingAlerts, AnEndOfWhatWasNotToldIsNotTold) {
  auto route = given_route();
  route.severities = {"warning"};
  Waiting waiting(route);
  waiting.accept(of_severity("critical", "firing"), {});
  EXPECT_TRUE(waiting.accept(of_severity("warning", "resolved"), {}).empty());
  EXPECT_FALSE(waiting.next(start));
}

TEST(WaitingAlerts, AReceiverIsNotAskedBeforeItWants) {
  Waiting waiting(given_route());
  waiting.accept(given_alert("a"), {});
  ASSERT_TRUE(waiting.next(start));
  waiting.postponed(start, 20min);
  EXPECT_FALSE(waiting.next(start + 19min));
  EXPECT_TRUE(waiting.next(start + 20min));
}

TEST(WaitingAlerts, WhatEndedLongAgoIsNotToldToWhoBeginsAnew) {
  Waiting waiting(given_route());
  waiting.accept(given_alert("a"), start);
  waiting.accept(given_alert("a", "resolved"), start);
  waiting.accept(given_alert("b"), start);
  EXPECT_EQ(ids(waiting.next(start)), std::vector<std::string>{"b-firing"}) << "it still fires";
}

TEST(WaitingAlerts, AClockThatGoesBackLosesNothing) {
  Waiting waiting(given_route());
  waiting.accept(given_alert("a"), {});
  ASSERT_TRUE(waiting.next(start));
  waiting.postponed(start);
  EXPECT_TRUE(waiting.next(start - 24h));
}

TEST(WaitingAlerts, WhatIsNewGoesBeforeWhatIsRepeated) {
  auto route = given_route();
  route.repeat = 1min;
  route.messages_per_minute = 1;
  Waiting waiting(route);
  for (int i = 0; i < 60; ++i) waiting.accept(given_alert("old" + std::to_string(i)), {});
  auto now = start;
  for (int i = 0; i < 3; ++i, now += 1min) waiting.delivered(*waiting.next(now), now);
  auto fresh = given_alert("new");
  fresh.started_at += 1h;
  waiting.accept(fresh, {});
  const auto message = waiting.next(now);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->alerts.front().alert_id, "new-firing");
  EXPECT_FALSE(message->repeated);
}

TEST(WaitingAlerts, AReceiverThatIsGoneForGoodDoesNotFillTheMemory) {
  Waiting waiting(given_route());
  for (std::size_t i = 0; i < Waiting::most_waiting; ++i)
    waiting.accept(given_alert(std::to_string(i)), {});
  EXPECT_TRUE(waiting.accept(given_alert("more"), {}).empty());
  EXPECT_FALSE(waiting.accept(given_alert("7", "resolved"), {}).empty()) << "one that it knows";
  EXPECT_EQ(waiting.size(), Waiting::most_waiting);
  EXPECT_EQ(waiting.take_dropped(), 1);
  EXPECT_EQ(waiting.take_dropped(), 0);
}

TEST(WaitingAlerts, WhatNeverEndsGivesWayToWhatIsNew) {
  Waiting waiting(given_route());
  for (std::size_t i = 0; i < Waiting::most_waiting; ++i)
    waiting.accept(given_alert(std::to_string(i)), {});
  const auto told = waiting.next(start);
  waiting.delivered(*told, start);
  const auto changes = waiting.accept(given_alert("more"), {});
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_FALSE(changes[0].entry) << "the one told first is forgotten";
  EXPECT_TRUE(changes[1].entry);
  EXPECT_EQ(waiting.take_dropped(), 0);
}

TEST(WaitingAlerts, WhatTheRouteDoesNotTakeAnyMoreIsForgottenAtTheStart) {
  auto route = given_route();
  route.severities = {"critical"};
  Waiting waiting(route);
  auto other = given_alert("b");
  other.severity = "info";
  const auto forgotten = waiting.load({{"a", {given_alert("a")}}, {"b", {other}}});
  ASSERT_EQ(forgotten.size(), 1U);
  EXPECT_EQ(forgotten[0].fingerprint, "b");
  EXPECT_EQ(waiting.size(), 1U);
}

TEST(Canaries, AreDueAtTheirInterval) {
  auto route = given_route();
  EXPECT_FALSE(Waiting(route).canary_due({}, start)) << "unless they are wanted";
  route.canary = 60min;
  const Waiting waiting(route);
  EXPECT_TRUE(waiting.canary_due({}, start));
  EXPECT_FALSE(waiting.canary_due(start, start + 59min));
  EXPECT_TRUE(waiting.canary_due(start, start + 60min));
  EXPECT_NE(waiting.canary(start).id, waiting.canary(start + 60min).id);
}

}  // namespace
}  // namespace oppen::notifier
