// Proves what becomes of jobs that are changed from the command line: amended, retried, cancelled by batch and by team, and of the
// queue that is paused: what is published, what is waited for, what is printed, and the exit code.
#include <gmock/gmock.h>
#include <httplib.h>

#include <mutex>

#include "schemas/control.hpp"
#include "schemas/parse.hpp"
#include "tests/component/cli/cli_fixture.hpp"
#include "tests/support/httplib_statics.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Changing : public CliFixture {
 protected:
  Changing() {
    const int port = console_.bind_to_any_port("127.0.0.1");
    console_url_ = "http://127.0.0.1:" + std::to_string(port);
    thread_ = std::thread([this] { console_.listen_after_bind(); });
    while (!console_.is_running()) std::this_thread::yield();
  }
  ~Changing() override {
    console_.stop();
    thread_.join();
  }
  void show(const std::string& path, const json& body) {
    console_.Get("/api/v1/" + path, [body](const httplib::Request&, httplib::Response& response) {
      response.set_content(body.dump(), "application/json");
    });
  }
  // Answers with the data that `more` makes, and keeps the command.
  void answer_each(const std::string& type, const json& more) {
    answer_with([this, type, more](const CloudEvent& command) -> std::vector<Answer> {
      note(command);
      json data = more;
      data["job_id"] = command.data["job_id"];
      return {{type, command.data["job_id"], data}};
    });
  }
  void note(const CloudEvent& command) {
    const std::lock_guard lock(mutex_);
    commands_.push_back(command);
  }
  std::vector<CloudEvent> commands() {
    const std::lock_guard lock(mutex_);
    return commands_;
  }
  static Answer ended(const std::string& job_id, const std::string& state,
                      const std::string& batch_id, int seq = 2) {
    return {"job." + state,
            job_id,
            {{"job_id", job_id}, {"batch_id", batch_id}, {"state", state}, {"seq", seq}}};
  }

  httplib::Server console_;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<CloudEvent> commands_;
};

TEST_F(Changing, AnAmendedJobIsToldWithWhatChanged) {
  answer_with([this](const CloudEvent& command) -> std::vector<Answer> {
    note(command);
    return {{"job.amended", "a", {{"job_id", "a"}, {"changes", command.data["changes"]}}}};
  });
  const auto outcome =
      run({"amend", "a", "--priority", "urgent", "--batch-size", "128", "--no-spot"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "Job a amended: batch size 128, priority urgent, spot false\n");
  ASSERT_EQ(commands().size(), 1U);
  EXPECT_EQ(commands()[0].type, "dev.oppen.job.amend.v1");
  EXPECT_EQ(commands()[0].data["changes"],
            (json{{"priority", "urgent"}, {"batch_size", 128}, {"spot", false}}));
}

TEST_F(Changing, AnAmendThatIsRefusedExitsWithOneAndOfAnUnknownJobWithFour) {
  answer_with([](const CloudEvent& command) -> std::vector<Answer> {
    const std::string id = command.data["job_id"];
    return {{"job.amend-refused", id, {{"job_id", id}, {"why", id}}}};
  });
  const auto started = run({"amend", "started", "--spot"});
  EXPECT_EQ(started.exit_code, 1);
  EXPECT_THAT(started.err, HasSubstr("job started is not amended, it has started already"));
  EXPECT_EQ(run({"amend", "invalid", "--spot"}).exit_code, 1);
  const auto unknown = run({"amend", "unknown", "--spot", "-o", "json"});
  EXPECT_EQ(unknown.exit_code, 4);
  EXPECT_EQ(json::parse(unknown.out)["event"], "job.amend-refused");
}

TEST_F(Changing, ARetriedJobIsSubmittedWithItsSpecUnderANewId) {
  const json spec{{"job_id", "a"},
                  {"model_type", "mnist"},
                  {"epochs", 3},
                  {"after", {"before"}},
                  {"resources", {{"gpus", 1}, {"cpu", "2"}}}};
  show("jobs/a", {{"job_id", "a"}, {"state", "failed"}, {"spec", spec}});
  answer_each("job.queued", {{"position", 1}});
  const auto outcome = run({"retry", "a"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("Job a-retry-1 queued at position 1"));
  EXPECT_THAT(run({"retry", "a", "--job-id", "b"}).out, HasSubstr("Job b queued"));
  ASSERT_EQ(commands().size(), 2U);
  EXPECT_EQ(commands()[0].type, "dev.oppen.job.submit.v1");
  EXPECT_EQ(commands()[0].data["epochs"], 3);
  EXPECT_EQ(commands()[0].data["resources"]["cpu"], "2");
  EXPECT_FALSE(commands()[0].data.contains("after"));
}

TEST_F(Changing, ABatchIsCancelledOnceAllItsOpenJobsHaveEnded) {
  show("batches/b", {{"batch_id", "b"},
                     {"jobs",
                      {{{"job_id", "b-1"}, {"state", "succeeded"}},
                       {{"job_id", "b-2"}, {"state", "running"}},
                       {{"job_id", "b-3"}, {"state", "queued"}},
                       {{"job_id", "b-4"}, {"state", "running"}}}},
                     {"next_cursor", ""}});
  answer_with([this](const CloudEvent& command) -> std::vector<Answer> {
    note(command);
    return {ended("b-3", "cancelled", "b"), ended("b-3", "cancelled", "b"),
            ended("other", "cancelled", "c"), ended("b-4", "succeeded", "b"),
            ended("b-2", "cancelled", "b")};
  });
  const auto outcome = run({"cancel", "--batch", "b", "--reason", "wrong"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "Batch b: 2 jobs cancelled, 1 had ended otherwise\n");
  ASSERT_EQ(commands().size(), 1U);
  EXPECT_EQ(commands()[0].data["batch_id"], "b");
  EXPECT_FALSE(commands()[0].data.contains("job_id"));
}

TEST_F(Changing, ABatchThatIsQueuedMeanwhileIsCancelledAsWell) {
  answer_with([](const CloudEvent&) -> std::vector<Answer> {
    return {ended("b-1", "cancelled", "b"),
            {"batch.queued", "b", {{"batch_id", "b"}, {"jobs", {"b-1", "b-2"}}}},
            ended("b-2", "cancelled", "b")};
  });
  EXPECT_EQ(run({"cancel", "--batch", "b"}).out, "Batch b: 2 jobs cancelled\n");
}

TEST_F(Changing, ABatchThatHasEndedOrIsUnknownIsRefused) {
  show("batches/finished", {{"jobs", {{{"job_id", "x"}, {"state", "failed"}}}}});
  answer_with([](const CloudEvent& command) -> std::vector<Answer> {
    const std::string id = command.data["batch_id"];
    return {{"job.cancel-refused", id, {{"batch_id", id}, {"why", id}}}};
  });
  EXPECT_EQ(run({"cancel", "--batch", "finished"}).exit_code, 1);
  const auto unknown = run({"cancel", "--batch", "unknown"});
  EXPECT_EQ(unknown.exit_code, 4);
  EXPECT_THAT(unknown.err, HasSubstr("batch unknown is not known"));
}

TEST_F(Changing, ABatchThatDoesNotEndInTimeExitsWithThree) {
  show("batches/b", {{"jobs", {{{"job_id", "b-1"}, {"state", "running"}}}}});
  const auto outcome = run({"cancel", "--batch", "b", "--timeout", "1"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("1 job not ended within 1 s"), HasSubstr("kept")));
}

TEST_F(Changing, ATeamsJobsAreFoundOverAllPagesAndCancelledOneByOne) {
  console_.Get("/api/v1/jobs", [](const httplib::Request& request, httplib::Response& response) {
    const auto job = [](const char* id, const char* team, const char* state) {
      return json{{"job_id", id}, {"team", team}, {"state", state}};
    };
    const auto state = request.get_param_value("state");
    json body{{"jobs", {job("v-live", "vision", "running"), job("l", "language", "running")}},
              {"next_cursor", ""}};
    if (state == "queued" && !request.has_param("cursor")) {
      body = {{"jobs", {job("v-1", "vision", "queued"), job("l-1", "language", "queued")}},
              {"next_cursor", "queued:5"}};
    } else if (state == "queued") {
      body = {{"jobs", {job("v-2", "vision", "queued")}}, {"next_cursor", ""}};
    }
    response.set_content(body.dump(), "application/json");
  });
  answer_with([this](const CloudEvent& command) -> std::vector<Answer> {
    note(command);
    const std::string id = command.data["job_id"];
    if (id == "v-live") return {{"job.cancel-refused", id, {{"job_id", id}, {"why", "finished"}}}};
    return {ended(id, "cancelled", "")};
  });
  const auto outcome = run({"cancel", "--team", "vision"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "Team vision: 2 jobs cancelled, 1 had ended otherwise\n");
  std::vector<std::string> ids;
  for (const auto& command : commands()) ids.push_back(command.data["job_id"]);
  EXPECT_THAT(ids, ElementsAre("v-1", "v-2", "v-live"));
  const auto nobody = run({"cancel", "--team", "audio"});
  EXPECT_EQ(nobody.exit_code, 0);
  EXPECT_EQ(nobody.out, "No job of team audio waits or runs.\n");
}

class QueueCommand : public Changing {
 protected:
  // Each override is in force at once, after one that is of somebody else.
  QueueCommand()
      : scheduler_([this](const std::stop_token& stop) {
          const auto consumer = *client::Consumer::create(kafka_.settings(), "");
          ASSERT_TRUE(consumer->assign({{{"control", 0}, client::Consumer::beginning}}));
          while (!stop.stop_requested()) {
            const auto record = consumer->poll(std::chrono::milliseconds{100});
            if (!record || !*record) continue;
            const auto event = decode((*record)->record);
            if (event->type != PolicyOverride::type) continue;
            note(*event);
            for (const auto& data :
                 {json{{"key", "spot_multiplier"}, {"value", "0.5"}}, event->data})
              tell(*parse_data<PolicyOverride>(data));
          }
        }) {}
  void tell(const PolicyOverride& change) {
    PolicyChanged changed;
    changed.overrides.push_back(change);
    const CloudEvent event{
        "id", "/oppen/scheduler", std::string(PolicyChanged::type), SystemClock().now(),
        "",   to_data(changed)};
    ASSERT_TRUE(
        producer_->send_and_wait("control", encode(event, "policy"), std::chrono::seconds{20}));
  }

  std::jthread scheduler_;
};

TEST_F(QueueCommand, APauseIsToldOnceItIsInForce) {
  const auto paused =
      run({"queue", "pause", "--until", "2100-01-03T18:15:00Z", "--reason", "work"});
  EXPECT_EQ(paused.exit_code, 0) << paused.err;
  EXPECT_THAT(paused.out, HasSubstr("The queue is paused until 2100-01-03T18:15:00.000Z"));
  const auto resumed = run({"queue", "resume", "-o", "json"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(json::parse(resumed.out)["overrides"][0]["value"], "false");
  ASSERT_EQ(commands().size(), 2U);
  const json data = commands()[0].data;
  EXPECT_EQ(data["key"], "queue_paused");
  EXPECT_EQ(data["value"], "true");
  EXPECT_EQ(data["until"], "2100-01-03T18:15:00.000Z");
  EXPECT_THAT(data["because"].get<std::string>(), HasSubstr("work (by "));
  EXPECT_FALSE(commands()[1].data.contains("until"));
}

TEST_F(Changing, APauseThatNobodyAnswersIsSaidToBeKept) {
  const auto outcome = run({"queue", "pause", "--for", "2h", "--timeout", "1"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("no answer within 1 s"), HasSubstr("kept on the bus")));
}

}  // namespace
}  // namespace oppen::cli
