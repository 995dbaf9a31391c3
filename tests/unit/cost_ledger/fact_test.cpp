// What is read from job events, and what is refused.
#include "workers/cost/ledger/fact.hpp"

#include <gtest/gtest.h>

#include "schemas/job_events.hpp"
#include "schemas/parse.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

const Time now = parse_rfc3339("2026-01-03T12:00:00Z").value();

JobContext context() {
  JobContext job;
  job.job_id = "a";
  job.seq = 4;
  job.attempt = 1;
  job.model_type = "mnist";
  job.team = "vision";
  job.spot = true;
  return job;
}

template <class Event>
CloudEvent event_of(const Event& data) {
  CloudEvent event;
  event.type = Event::type;
  event.data = to_data(data);
  return event;
}

JobSucceeded succeeded(std::optional<Time> start, std::optional<Time> end) {
  JobSucceeded event;
  event.job = context();
  event.end = {"a-1", "ml-training", "n1", "T4", start, end, std::nullopt};
  return event;
}

std::string refusal(const CloudEvent& event) {
  const auto fact = read_fact(event, now);
  return fact ? "taken" : fact.error().message;
}

TEST(Fact, OfABegin) {
  JobStarted event{context(), "a-1", "ml-training", "n1", "A100", now - 1s};
  const auto fact = read_fact(event_of(event), now).value().value();
  EXPECT_EQ(fact.job_id, "a");
  EXPECT_EQ(fact.attempt, 1);
  EXPECT_EQ(fact.started_at, now - 1s);
  EXPECT_FALSE(fact.ended_at);
  EXPECT_EQ(fact.bearer.usage.gpu_type, "A100");
  EXPECT_TRUE(fact.bearer.usage.spot);
  EXPECT_EQ(fact.bearer.pod, "a-1");
  EXPECT_EQ(fact.bearer.team, "vision");
}

// It would share its keys with a run from outside.
TEST(Fact, OfWhatIsNoJobIsRefused) {
  JobStarted event{context(), "a-1", "ml-training", "n1", "A100", now - 1s};
  event.job.job_id = ":a";
  EXPECT_NE(refusal(event_of(event)).find("job_id is \":a\""), std::string::npos);
  auto end = succeeded(now - 2s, std::nullopt);
  end.job.job_id = ":a";
  EXPECT_FALSE(over_fact(event_of(end), now));
}

TEST(Fact, OfEveryEnd) {
  const auto check = [](auto event) {
    event.job = context();
    event.end = {"a-1", "ml-training", "n1", "T4", now - 9s, now, std::nullopt};
    const auto fact = read_fact(event_of(event), now).value().value();
    EXPECT_EQ(fact.started_at, now - 9s);
    EXPECT_EQ(fact.ended_at, now);
    EXPECT_EQ(fact.seq, 4);
    EXPECT_EQ(fact.bearer.usage.gpu_type, "T4");
  };
  check(JobSucceeded());
  check(JobFailed());
  check(JobRequeued());
  check(JobCancelled());
}

TEST(Fact, NothingOfWhatCostsNothing) {
  const auto never = read_fact(event_of(succeeded({}, {})), now).value().value();
  EXPECT_FALSE(never.started_at || never.ended_at) << "it never began: that tells of the run alone";
  CloudEvent other;
  other.type = "dev.oppen.job.amended.v1";
  EXPECT_FALSE(read_fact(other, now).value());
  other.type = "dev.oppen.a-type-to-come.v1";
  EXPECT_FALSE(read_fact(other, now).value());
}

TEST(Fact, RefusesWhatCannotBe) {
  auto broken = event_of(succeeded(now - 1h, now));
  broken.data.erase("job_id");
  EXPECT_NE(refusal(broken).find("job_id"), std::string::npos);
  EXPECT_NE(refusal(event_of(succeeded(now - 1h, {}))).find("ended_at"), std::string::npos);
  EXPECT_NE(refusal(event_of(succeeded(now - 1h, now + 1h))).find("ended_at"), std::string::npos);
  EXPECT_NE(refusal(event_of(succeeded(Time{}, now))).find("started_at"), std::string::npos);
  EXPECT_EQ(refusal(event_of(succeeded(now - std::chrono::days(89), now + 9min))), "taken");
}

TEST(Fact, AnEndThatIsRefusedStillSaysThatItsAttemptIsOver) {
  auto late = event_of(succeeded(now - 1h, now + 1h));
  const auto over = over_fact(late, now).value();
  EXPECT_EQ(over.job_id, "a");
  EXPECT_EQ(over.attempt, 1);
  EXPECT_FALSE(over.started_at);
  EXPECT_EQ(over.ended_at, now);
  late.data["attempt"] = "first";
  EXPECT_FALSE(over_fact(late, now));
  late.data["attempt"] = -1;
  EXPECT_FALSE(over_fact(late, now));
  late.data = nlohmann::json::array();
  EXPECT_FALSE(over_fact(late, now));
  CloudEvent started;
  started.type = JobStarted::type;
  started.data = {{"job_id", "a"}, {"attempt", 1}};
  EXPECT_FALSE(over_fact(started, now));
}

}  // namespace
}  // namespace oppen::cost
