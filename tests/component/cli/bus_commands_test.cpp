// Proves what becomes of commands on the bus: submit, submit-batch, cancel, wait and watch print
// the scheduler's answer, and exit as it says; without an answer, they say that the command is
// kept.
#include <gmock/gmock.h>
#include <httplib.h>

#include "tests/component/cli/cli_fixture.hpp"
#include "tests/support/httplib_statics.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class BusCommands : public CliFixture {
 protected:
  void answer_jobs(const std::string& type, const json& more) {
    answer_with([type, more](const CloudEvent& command) -> std::vector<Answer> {
      json data = more;
      data["job_id"] = command.data["job_id"];
      return {{"job.launched", "another-job", {{"job_id", "another-job"}, {"seq", 1}}},
              {type, command.data["job_id"], data}};
    });
  }
};

TEST_F(BusCommands, ASubmittedJobIsQueuedAtAPosition) {
  answer_jobs("job.queued", {{"position", 3},
                             {"estimated_wait_seconds", 250},
                             {"estimated_duration_seconds", 240},
                             {"estimated_cost_microusd", 20'500}});
  const auto text = run({"submit", "-m", "mnist", "--job-id", "mnist-7"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(text.out,
            "Job mnist-7 queued at position 3, expected wait 4m 10s, run 4m 0s, cost $0.0205\n");
  const auto as_json = run({"submit", "-m", "mnist", "-o", "json"});
  const auto data = json::parse(as_json.out);
  EXPECT_EQ(data["event"], "job.queued");
  EXPECT_THAT(data["job_id"].get<std::string>(), StartsWith("mnist-"));
}

TEST_F(BusCommands, ARejectedJobExitsWithOne) {
  answer_jobs("job.rejected", {{"code", "never_fits"},
                               {"reason", "asks for 9 GPUs, the quota is 2"},
                               {"field", "resources.gpus"}});
  const auto outcome = run({"submit", "-m", "mnist", "--gpus", "9"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err,
              HasSubstr("never_fits (resources.gpus): asks for 9 GPUs, the quota is 2"));
}

TEST_F(BusCommands, AKnownJobIsNoFault) {
  answer_jobs(
      "job.duplicate",
      {{"first_seen", "2026-01-03T18:15:00.000Z"}, {"conflict", false}, {"state", "running"}});
  const auto outcome = run({"submit", "-m", "mnist", "--job-id", "a"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("known already"), HasSubstr("running")));
}

TEST_F(BusCommands, AnIdThatIsTakenIsOne) {
  answer_jobs(
      "job.duplicate",
      {{"first_seen", "2026-01-03T18:15:00.000Z"}, {"conflict", true}, {"state", "running"}});
  const auto outcome = run({"submit", "-m", "mnist", "--job-id", "a"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("Choose another --job-id"));
}

TEST_F(BusCommands, WithoutWaitingTheIdIsPrintedOnceTheCommandIsKept) {
  const auto outcome = run({"submit", "-m", "mnist", "--job-id", "a", "--no-wait", "--env",
                            "LR=0.1", "--", "python", "-u", "x.py"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "a\n");
  const auto consumer = *client::Consumer::create(kafka_.settings(), "");
  ASSERT_TRUE(consumer->assign({{{"jobs", 0}, client::Consumer::beginning}}));
  const auto record = client::next_record(*consumer);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->record.key, "a");
  const auto event = decode(record->record);
  EXPECT_EQ(event->source, "/oppen/cli");
  EXPECT_EQ(event->data["command"], json({"python", "-u", "x.py"}));
  EXPECT_EQ(event->data["env"]["LR"], "0.1");
}

TEST_F(BusCommands, WithoutAnAnswerTheCommandIsSaidToBeKept) {
  const auto outcome = run({"submit", "-m", "mnist", "--timeout", "1"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("no answer"), HasSubstr("kept on the bus"), HasSubstr("--timeout")));
}

TEST_F(BusCommands, ABatchIsQueuedWhole) {
  answer_with([](const CloudEvent& command) -> std::vector<Answer> {
    return {{"batch.queued",
             command.data["batch_id"],
             {{"batch_id", command.data["batch_id"]},
              {"jobs", {"b-1", "b-2"}},
              {"positions", {4, 5}},
              {"estimated_cost_microusd", command.data["max_total_microusd"]}}}};
  });
  const auto outcome = run({"submit-batch", "-", "--batch-id", "b", "--max-total", "0.0418"},
                           R"([{"model_type":"mnist"},{"model_type":"llm"}])");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "Batch b queued: 2 jobs, estimated cost $0.0418\nThe first, b-1, is at position 4\n");
}

TEST_F(BusCommands, ARejectedBatchNamesItsFaults) {
  answer_with([](const CloudEvent& command) -> std::vector<Answer> {
    return {{"batch.rejected",
             command.data["batch_id"],
             {{"batch_id", command.data["batch_id"]},
              {"errors",
               {{{"index", 1}, {"field", "model_type"}, {"reason", "no such model"}},
                {{"index", -1}, {"field", "max_total_microusd"}, {"reason", "costs $2.00"}}}}}}};
  });
  const auto outcome = run({"submit-batch", "-", "--batch-id", "b"}, R"({"model_type":"mnist"})");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("jobs[1].model_type: no such model"),
                                 HasSubstr("the batch (max_total_microusd): costs $2.00")));
}

TEST_F(BusCommands, CancelSaysWhatBecameOfEach) {
  answer_with([](const CloudEvent& command) -> std::vector<Answer> {
    const std::string id = command.data["job_id"];
    if (id == "runs")
      return {{"job.cancelled",
               id,
               {{"job_id", id},
                {"was", "running"},
                {"requested_by", "me"},
                {"reason", command.data.value("reason", "")}}}};
    return {{"job.cancel-refused",
             id,
             {{"job_id", id}, {"why", id == "ended" ? "finished" : "unknown"}}}};
  });
  const auto cancelled = run({"cancel", "runs", "--reason", "wrong data"});
  EXPECT_EQ(cancelled.exit_code, 0);
  EXPECT_EQ(cancelled.out, "Job runs cancelled, was running, by me: wrong data\n");
  EXPECT_EQ(run({"cancel", "ended"}).exit_code, 1);
  EXPECT_EQ(run({"cancel", "nobody"}).exit_code, 4);
  EXPECT_EQ(run({"cancel", "runs", "ended", "nobody"}).exit_code, 4);
}

class WaitCommand : public BusCommands {
 protected:
  WaitCommand() {
    const int port = console_.bind_to_any_port("127.0.0.1");
    console_url_ = "http://127.0.0.1:" + std::to_string(port);
    thread_ = std::thread([this] { console_.listen_after_bind(); });
    while (!console_.is_running()) std::this_thread::yield();
  }
  ~WaitCommand() override {
    console_.stop();
    thread_.join();
  }
  // The console shows this state; afterwards, the events happen.
  void job(const std::string& id, const std::string& state, std::vector<Answer> events) {
    console_.Get("/api/v1/jobs/" + id,
                 [this, state, events](const httplib::Request&, httplib::Response& response) {
                   response.set_content(json{{"state", state}}.dump(), "application/json");
                   for (const auto& event : events) publish(event);
                 });
  }

  httplib::Server console_;
  std::thread thread_;
};

TEST_F(WaitCommand, EndsWhenAllHaveSucceeded) {
  job("a", "succeeded", {});
  job("b", "running",
      {{"job.succeeded", "b", {{"job_id", "b"}, {"seq", 4}, {"state", "succeeded"}}}});
  const auto outcome = run({"wait", "a", "b"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "Job a succeeded\nJob b succeeded\n");
}

TEST_F(WaitCommand, GoesOnOverARetryAndTellsOfTheFailure) {
  job("a", "running",
      {{"job.requeued", "a", {{"job_id", "a"}, {"seq", 4}, {"state", "queued"}}},
       {"job.failed",
        "a",
        {{"job_id", "a"}, {"seq", 5}, {"state", "failed"}, {"message", "out of memory"}}}});
  const auto outcome = run({"wait", "a"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "Job a failed: out of memory\n");
}

TEST_F(WaitCommand, GivesUpInTime) {
  job("a", "running", {});
  const auto outcome = run({"wait", "a", "--timeout", "1"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("not ended within 1 s"));
}

TEST_F(BusCommands, WatchPrintsEachEventOnce) {
  const Answer queued{"job.queued", "a", {{"job_id", "a"}, {"seq", 1}, {"team", "vision"}}};
  const Answer launched{
      "job.launched", "a", {{"job_id", "a"}, {"seq", 2}, {"team", "vision"}, {"pod", "a-1"}}};
  for (const auto& event : {queued, launched, queued, launched}) publish(event);
  publish({"job.queued", "b", {{"job_id", "b"}, {"seq", 1}, {"team", "language"}}});
  publish({"job.started",
           "a",
           {{"job_id", "a"}, {"seq", 3}, {"team", "vision"}, {"pod", "a-1"}, {"node", "gpu-1"}}});
  const auto lines =
      run_for_lines({"watch", "jobs", "--from-beginning", "--team", "vision", "-o", "json"}, 3);
  std::istringstream stream(lines);
  std::vector<std::string> events;
  for (std::string line; std::getline(stream, line);) events.push_back(json::parse(line)["event"]);
  EXPECT_THAT(events, ::testing::ElementsAre("job.queued", "job.launched", "job.started"));
}

}  // namespace
}  // namespace oppen::cli
