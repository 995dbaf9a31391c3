// Proves how events read: in a line for people, as JSON for programs, and that data which was never
// checked breaks neither.
#include "producers/cli/event_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace oppen::cli {
namespace {

using nlohmann::json;

CloudEvent event(const std::string& type, json data) {
  return {
      "id", "/oppen/scheduler", "dev.oppen." + type + ".v1", *parse_rfc3339("2026-01-03T18:15:00Z"),
      "",   std::move(data)};
}

TEST(Event, OfAQueuedJobNamesPositionWaitAndCost) {
  const auto queued = event("job.queued", {{"job_id", "mnist-7"},
                                           {"position", 3},
                                           {"estimated_wait_seconds", 250.0},
                                           {"estimated_duration_seconds", 240.0},
                                           {"estimated_cost_microusd", 20'500}});
  EXPECT_EQ(event_line(queued),
            "2026-01-03T18:15:00.000Z  mnist-7  job.queued  position 3, expected wait 4m 10s, run "
            "4m 0s, cost $0.0205");
}

TEST(Event, OfAFailedJobNamesWhatWentWrong) {
  const auto failed = event("job.failed", {{"job_id", "a"},
                                           {"duration_seconds", 61.0},
                                           {"node", "gpu-1"},
                                           {"class", "oom"},
                                           {"exit_code", 137},
                                           {"message", "out of memory"}});
  EXPECT_EQ(event_details(failed), "after 1m 1s on gpu-1: oom, exit code 137: out of memory");
}

TEST(Event, OfAJobThatNeverBeganSaysSo) {
  EXPECT_EQ(event_details(event("job.failed",
                                {{"job_id", "a"}, {"class", "launch"}, {"message", "no image"}})),
            "before its container began: launch: no image");
}

TEST(Event, OfABatchIsNamedByItsBatch) {
  const auto queued =
      event("batch.queued",
            {{"batch_id", "b"}, {"jobs", {"b-1", "b-2"}}, {"estimated_cost_microusd", 41'800}});
  EXPECT_EQ(event_line(queued),
            "2026-01-03T18:15:00.000Z  b  batch.queued  2 jobs, estimated cost $0.0418");
}

TEST(Event, AsJsonIsItsDataWithTypeAndTime) {
  EXPECT_EQ(
      event_json(event("job.cancel-refused", {{"job_id", "a"}, {"why", "unknown"}})),
      json::parse(
          R"({"job_id":"a","why":"unknown","event":"job.cancel-refused","time":"2026-01-03T18:15:00.000Z"})"));
}

TEST(Event, OfUnexpectedFormIsStillShown) {
  EXPECT_EQ(
      event_line(event("job.queued", {{"job_id", 7}, {"position", "third"}})),
      "2026-01-03T18:15:00.000Z    job.queued  position 0, expected wait 0s, run 0s, cost $0.0000");
  EXPECT_EQ(event_line(event("job.new-in-future", json::array())),
            "2026-01-03T18:15:00.000Z    job.new-in-future");
}

TEST(Event, CannotSteerTheTerminal) {
  const auto failed =
      event("job.failed", {{"job_id", "a"}, {"class", "user_error"}, {"message", "\x1b[2J"}});
  EXPECT_EQ(event_line(failed).find('\x1b'), std::string::npos);
}

TEST(Event, OfAnAmendedJobNamesWhatChanged) {
  EXPECT_EQ(event_details(event("job.amended", {{"job_id", "a"},
                                                {"changes",
                                                 {{"batch_size", 128},
                                                  {"priority", "urgent"},
                                                  {"spot", true},
                                                  {"window", "off_peak"}}}})),
            "batch size 128, priority urgent, spot true, window off_peak");
}

TEST(Event, OfAnAmendThatIsRefusedSaysWhy) {
  const auto refused = [](const json& more) {
    json data = more;
    data["job_id"] = "a";
    return event_details(event("job.amend-refused", data));
  };
  EXPECT_EQ(refused({{"why", "unknown"}}), "is not known");
  EXPECT_EQ(refused({{"why", "started"}}), "has started already");
  EXPECT_EQ(refused({{"why", "finished"}}), "has finished already");
  EXPECT_EQ(refused({{"why", "never_fits"},
                     {"field", "resources.gpu_type"},
                     {"reason", "there is no node with it"}}),
            "would be rejected, never_fits (resources.gpu_type): there is no node with it");
}

TEST(Event, OfARequeuedJobSaysWhenItIsTriedAgain) {
  EXPECT_EQ(event_details(event("job.requeued", {{"job_id", "a"},
                                                 {"reason", "exit code 3"},
                                                 {"retry_at", "2026-01-03T18:15:10.000Z"}})),
            "exit code 3; again from 2026-01-03T18:15:10.000Z");
  EXPECT_EQ(event_details(event("job.requeued", {{"job_id", "a"}, {"reason", "lost"}})), "lost");
}

TEST(Event, OfACharge) {
  json data = {{"job_id", "mnist-7"},
               {"attempt", 1},
               {"total_microusd", 2'500},
               {"interval_start", "2026-01-03T18:15:00.000Z"},
               {"interval_end", "2026-01-03T18:15:30.000Z"},
               {"gpu_type", "T4"},
               {"final", true}};
  EXPECT_EQ(event_details(event("cost.accrued", data)),
            "attempt 1: $0.0025 for 30s from 2026-01-03T18:15:00.000Z, T4, the last one");
  EXPECT_EQ(event_line(event("cost.accrued", {{"run_id", "4f1d"},
                                              {"attempt", 0},
                                              {"total_microusd", -2'500},
                                              {"correction", true},
                                              {"interval_start", "2026-01-03T18:15:00.000Z"},
                                              {"interval_end", "2026-01-03T18:15:30.000Z"}})),
            "2026-01-03T18:15:00.000Z  4f1d  cost.accrued  -$0.0025, a correction from "
            "2026-01-03T18:15:00.000Z");
}

TEST(Event, OfARecommendation) {
  EXPECT_EQ(event_details(event("cost.recommendation",
                                {{"job_id", "mnist-7"},
                                 {"strategy", "spot"},
                                 {"savings_percent", {{"low", 68.5}, {"high", 70}}},
                                 {"savings_microusd", {{"low", 14'043}, {"high", 14'350}}},
                                 {"confidence", "medium"},
                                 {"action", {{"command", "oppen submit --spot"}}}})),
            "spot: saves 68.5 to 70 %, $0.0140 to $0.0144 (medium): oppen submit --spot");
  for (const char* type : {"cost.accrued", "cost.recommendation"})
    EXPECT_NO_THROW(event_line(event(type, {{"savings_percent", 1}, {"action", "x"}})));
}

TEST(AlertText, SaysWhatFiresAndWhatCanBeDone) {
  json alert = {{"fingerprint", "f"},       {"state", "firing"},
                {"severity", "critical"},   {"summary", "Daily cost spike"},
                {"proposal_id", "limit-1"}, {"labels", {{"team", "vision"}, {"job_id", "j"}}}};
  EXPECT_EQ(event_details(event("alert", alert)),
            "firing, critical: Daily cost spike; oppen approve limit-1");
  EXPECT_EQ(job_or_run_of(alert), "j");
  EXPECT_EQ(team_of(alert), "vision");
  alert["state"] = "resolved";
  alert["labels"] = 7;
  EXPECT_EQ(event_details(event("alert", alert)), "resolved: Daily cost spike");
  EXPECT_EQ(job_or_run_of(alert), "");
  EXPECT_NE(event_line(event("alert", alert)).find("  f  alert  resolved"), std::string::npos);
}

}  // namespace
}  // namespace oppen::cli
