// Proves the field names and values of the answers: what each reason tells of itself, and what is left out.
#include "scheduler/answers/answer_text.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace oppen::answers {
namespace {

using nlohmann::json;
using plan::Reason;
using Kind = Reason::Kind;

const Time noon = *parse_rfc3339("2026-01-03T12:00:00Z");

Explanation queued() {
  Explanation explanation;
  explanation.record.spec.job_id = "mnist-7";
  explanation.record.estimated_seconds = 240;
  explanation.cost = MicroUsd{20'500};
  explanation.as_of = noon;
  return explanation;
}

json reason_of(const Reason& reason) {
  auto explanation = queued();
  explanation.reason = reason;
  return json::parse(to_text(explanation)).at("reason");
}

TEST(AnswerText, AJobThatIsLaunchedNext) {
  auto explanation = queued();
  explanation.position = 1;
  explanation.expected = {noon, noon + std::chrono::seconds(5), noon + std::chrono::minutes(4)};
  EXPECT_EQ(json::parse(to_text(explanation)), json::parse(R"j({
    "job_id": "mnist-7", "state": "queued", "position": 1, "start_p50": "2026-01-03T12:00:00.000Z",
    "start_p90": "2026-01-03T12:00:05.000Z", "end_p50": "2026-01-03T12:04:00.000Z",
    "estimated_duration_seconds": 240.0, "estimated_cost_microusd": 20500, "as_of": "2026-01-03T12:00:00.000Z"})j"));
}

TEST(AnswerText, UnlessNothingIsLaunched) {
  auto explanation = queued();
  explanation.held = "the Kubernetes API does not answer";
  EXPECT_EQ(json::parse(to_text(explanation)).at("reason"), json::parse(R"j({"kind": "held",
      "sentence": "would be launched now, but the Kubernetes API does not answer"})j"));
}

TEST(AnswerText, EachReasonTellsWhatItNames) {
  Reason slot;
  slot.slots = slot.taken = 3;
  EXPECT_EQ(reason_of(slot), json::parse(R"j({"kind": "waiting_for_slot", "slots": 3, "taken": 3,
      "sentence": "waits for a free slot (3 of 3 taken)"
})j"));
  Reason quota;
  quota.kind = Kind::quota;
  quota.quota = "q";
  quota.resource = "gpus";
  quota.need = 2;
  quota.allowed = 4;
  EXPECT_EQ(
      reason_of(quota),
      json::parse(
          R"j({"kind": "quota", "quota": "q", "resource": "gpus", "need": 2, "free": 0, "allowed": 4,
      "sentence": "waits for quota q: needs 2 gpus, 0 gpus free"})j"));
  Reason behind;
  behind.kind = Kind::behind;
  behind.job = "first";
  behind.count = 4;
  behind.because = slot.sentence();
  EXPECT_EQ(reason_of(behind), json::parse(R"j({"kind": "behind", "job": "first", "count": 4,
      "because": "waits for a free slot (3 of 3 taken)",
      "sentence": "waits behind 4 jobs; the next one, first, waits for a free slot (3 of 3 taken)"
  })j"));
  Reason window;
  window.kind = Kind::window;
  window.until = noon;
  EXPECT_EQ(reason_of(window),
            json::parse(R"j({"kind": "window", "until": "2026-01-03T12:00:00.000Z",
      "sentence": "waits for the off-peak window, which opens at 2026-01-03T12:00:00.000Z"})j"));
}

TEST(AnswerText, OneThatHasFailedSaysHow) {
  auto explanation = queued();
  auto& record = explanation.record;
  record.state = JobState::failed;
  record.started_at = noon - std::chrono::minutes(2);
  record.ended_at = noon;
  record.failure = FailureClass::oom;
  record.message = "took more than 2Gi";
  const auto answer = json::parse(to_text(explanation));
  EXPECT_EQ(answer.at("state"), "failed");
  EXPECT_EQ(answer.at("class"), "oom");
  EXPECT_EQ(answer.at("message"), "took more than 2Gi");
  EXPECT_EQ(answer.at("started_at"), "2026-01-03T11:58:00.000Z");
  EXPECT_FALSE(answer.contains("start_p50"));
  EXPECT_FALSE(answer.contains("position"));
}

TEST(AnswerText, FaultsNameIndexFieldAndValue) {
  const auto text = error_text(ErrorKind::invalid, "no",
                               {{3, "epochs", "0", "epochs is 0"}, {-1, "", "", "too \"many\""}});
  EXPECT_EQ(json::parse(text),
            json::parse(R"j({"error": {"code": "invalid", "message": "no", "errors": [
    {"index": 3, "field": "epochs", "value": "0", "reason": "epochs is 0"},
    {"index": -1, "reason": "too \"many\""}]}})j"));
}

}  // namespace
}  // namespace oppen::answers
