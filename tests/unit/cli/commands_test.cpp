// Proves what commands print and how they exit, with a console that answers what the test says:
// usage faults, the pages of a list, what is absent, a console that is away, and that nothing is
// sent when a job is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "producers/cli/app.hpp"
#include "tests/support/httplib_statics.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int exit_code;
  std::string out;
  std::string err;
};

class Commands : public ::testing::Test {
 protected:
  Commands() : port_(server_.bind_to_any_port("127.0.0.1")) {
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Commands() override {
    server_.stop();
    thread_.join();
  }

  void answer(const std::string& path, const json& body, int status = 200) {
    server_.Get(path, [body, status](const httplib::Request&, httplib::Response& response) {
      response.status = status;
      response.set_content(body.dump(), "application/json");
    });
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  Outcome run(std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.begin(),
                 {"oppen", "--console-url", url(), "--kafka-brokers", "127.0.0.1:1"});
    std::vector<const char*> argv;
    for (const auto& word : words) argv.push_back(word.c_str());
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    Context context(in, out, err);
    const int exit_code = run_app(context, static_cast<int>(argv.size()), argv.data());
    return {exit_code, out.str(), err.str()};
  }

  httplib::Server server_;
  int port_;
  std::thread thread_;
};

json job(const std::string& id, const std::string& state) {
  return {{"job_id", id},
          {"state", state},
          {"priority", "normal"},
          {"model_type", "mnist"},
          {"epochs", 2},
          {"estimated_duration_seconds", 250.0},
          {"estimated_cost_microusd", 20'500},
          {"submitted_at", "2026-01-03T18:15:00.000Z"}};
}

TEST_F(Commands, AlertsAreListedAndNamedByTheBeginningOfTheirFingerprint) {
  const json alert = {{"fingerprint", "3f2a99"},
                      {"severity", "critical"},
                      {"state", "firing"},
                      {"kind", "gpu_fault"},
                      {"started_at", "2026-01-03T18:15:00.000Z"},
                      {"summary", "GPU x: XID 79\x1b"},
                      {"labels", {{"node", "gpu-3"}}}};
  json other = alert;
  other["fingerprint"] = "3f2b00";
  const json silence = {{"silence_id", "s"},
                        {"matchers", {{"kind", "gpu_hot"}}},
                        {"until", "2026-01-04T18:15:00.000Z"},
                        {"by", "eva"}};
  answer("/api/v1/alerts", {{"alerts", {alert, other}}, {"silences", {silence}}});
  for (const auto& words : std::vector<std::vector<std::string>>{{"alerts"}, {"alerts", "list"}}) {
    const auto shown = run(words);
    EXPECT_EQ(shown.exit_code, 0);
    EXPECT_THAT(shown.out, AllOf(HasSubstr("3f2a99"), HasSubstr("node=gpu-3"), HasSubstr("XID 79?"),
                                 Not(HasSubstr("\x1b"))));
    EXPECT_THAT(shown.out, HasSubstr("Silenced until 2026-01-04T18:15:00.000Z: gpu_hot (by eva)"));
  }
  EXPECT_EQ(json::parse(run({"alerts", "-o", "json"}).out)["alerts"].size(), 2);
  const auto ambiguous = run({"alerts", "feedback", "3f2", "noise"});
  EXPECT_EQ(ambiguous.exit_code, 2);
  EXPECT_THAT(ambiguous.err, HasSubstr("3f2 begins the fingerprints of 2 alerts"));
  EXPECT_EQ(run({"alerts", "feedback", "4", "noise"}).exit_code, 4);
  EXPECT_EQ(run({"alerts", "feedback", "3f2a", "bad"}).exit_code, 2);
  EXPECT_THAT(run({"alerts", "silence", "--for", "1h"}).err, HasSubstr("--kind or --label"));
  EXPECT_THAT(run({"alerts", "silence", "--label", "x", "--for", "1h"}).err,
              HasSubstr("--label is x: expected name=value"));
  EXPECT_THAT(run({"alerts", "silence", "--kind", "gpu_hot"}).err, HasSubstr("--for or --until"));
}

TEST_F(Commands, WrongUsageExitsWithTwo) {
  EXPECT_EQ(run({}).exit_code, 2);
  EXPECT_EQ(run({"no-such-command"}).exit_code, 2);
  EXPECT_EQ(run({"list", "--state", "asleep"}).exit_code, 2);
  EXPECT_EQ(run({"describe"}).exit_code, 2);
  EXPECT_THAT(run({"submit", "--priority", "high"}).err, HasSubstr("urgent"));
}

TEST_F(Commands, HelpTeachesByExamples) {
  const auto help = run({"submit", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out,
              AllOf(HasSubstr("Examples:"), HasSubstr("--gpu-share"), HasSubstr("--max-retries")));
}

TEST_F(Commands, AJobThatIsWrongIsNotSent) {
  const auto outcome = run({"submit", "--epochs", "0", "--cpu", "many"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("nothing was submitted"), HasSubstr("model_type"),
                                 HasSubstr("epochs is 0"), HasSubstr("resources.cpu is \"many\"")));
}

TEST_F(Commands, FaultsAsJsonNameTheirFields) {
  const auto outcome =
      run({"submit-batch", "-", "-o", "json"}, R"([{"model_type":"mnist","epochs":0}])");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(json::parse(outcome.out)["error"]["fields"][0]["path"], "jobs[0].epochs");
}

TEST_F(Commands, AFileThatIsNotThereIsBadInput) {
  const auto outcome = run({"submit-batch", "/nowhere/jobs.json"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("/nowhere/jobs.json"));
}

TEST_F(Commands, StatusShowsTheQueueAtAGlance) {
  answer("/api/v1/queue",
         {{"queued", {{"total", 4}, {"urgent", 1}, {"normal", 3}, {"background", 0}}},
          {"running", 3},
          {"slots", 3},
          {"completed", 5},
          {"failed", 1},
          {"cancelled", 0},
          {"capacity_used_percent", 100.0},
          {"next_slot_in_seconds", 245.0},
          {"total_wait_seconds", 5'040.0},
          {"pending_cost_microusd", 31'400},
          {"usage", {{"gpus", 3}, {"cpu", "3500m"}, {"memory", "6Gi"}}},
          {"leader", {{"instance", "s1"}, {"epoch", 4}}},
          {"jobs", json::array({job("mnist-7", "queued")})}});
  const auto outcome = run({"status"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out,
            "Queued     4 jobs (1 urgent, 3 normal, 0 background)\n"
            "Running    3 of 3 slots (100 % used)\n"
            "Next slot  in about 4m 5s\n"
            "Ended      5 completed, 1 failed, 0 cancelled\n"
            "Wait       1h 24m until all that wait have run\n"
            "Pending    $0.0314\n"
            "In use     3 GPUs, 3500m CPU, 6Gi memory\n"
            "Scheduler  s1 leads\n"
            "\n"
            "JOB      MODEL  PRIORITY  EPOCHS  EST.TIME  EST.COST\n"
            "mnist-7  mnist  normal         2    4m 10s   $0.0205\n"
            "... and 3 more: oppen list --state queued --limit 4\n");
}

TEST_F(Commands, StatusSaysWhatKeepsAFreeSlotFree) {
  json queue = {{"queued", {{"total", 1}}}, {"running", 1}, {"slots", 3}};
  server_.Get("/api/v1/queue", [&queue](const httplib::Request&, httplib::Response& response) {
    response.set_content(queue.dump(), "application/json");
  });
  for (const auto& [waits, told] : std::vector<std::pair<std::string, std::string>>{
           {"", "Next slot  free now\n"},
           {"waits for quota q: needs 2 gpus, 1 gpu free",
            "Next slot  free, but the first job waits for quota q: needs 2 gpus, 1 gpu free\n"},
           {"the queue is paused", "Next slot  free, but the queue is paused\n"}}) {
    queue["head_waits"] = waits;
    const auto outcome = run({"status"});
    EXPECT_THAT(outcome.out, HasSubstr(told));
    EXPECT_THAT(outcome.out, Not(HasSubstr("First job")));
  }
  queue = {{"queued", {{"total", 0}}}, {"running", 1}, {"slots", 3}, {"paused", true}};
  EXPECT_THAT(run({"status"}).out, HasSubstr("Next slot  free, but the queue is paused\n"));
}

TEST_F(Commands, ListSaysWhenWaitingJobsStart) {
  server_.Get("/api/v1/jobs", [](const httplib::Request& request, httplib::Response& response) {
    json soon = job("a", "queued");
    soon["start_p50"] = to_rfc3339(SystemClock().now() + std::chrono::minutes(90));
    json body = {{"jobs", {soon, job("b", "queued")}}, {"next_cursor", ""}};
    if (request.get_param_value("eta") != "true") body = {{"jobs", json::array()}};
    if (request.get_param_value("state") == "queued") body["eta_unknown"] = "none leads";
    response.set_content(body.dump(), "application/json");
  });
  const auto outcome = run({"list"});
  EXPECT_THAT(outcome.out, HasSubstr("  ETA"));
  EXPECT_THAT(outcome.out, ::testing::ContainsRegex("a .* in 1h (29|30)m "));
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(run({"list", "--state", "queued"}).err, "No ETA: none leads\n");
}

TEST_F(Commands, ListGoesOnUntilTheLastPage) {
  server_.Get("/api/v1/jobs", [](const httplib::Request& request, httplib::Response& response) {
    const bool first = !request.has_param("cursor");
    const json body =
        first
            ? json{{"jobs", {job("a", "running")}}, {"next_cursor", "queued:1 &"}}
            : json{{"jobs",
                    {job("b", request.get_param_value("cursor") == "queued:1 &" ? "queued" : "?")}},
                   {"next_cursor", ""}};
    response.set_content(body.dump(), "application/json");
  });
  const auto outcome = run({"list", "-o", "json"});
  const json jobs = json::parse(outcome.out)["jobs"];
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[1]["state"], "queued");
  EXPECT_THAT(run({"list", "--limit", "1"}).out,
              AllOf(HasSubstr("a    "), Not(HasSubstr("b    "))));
}

TEST_F(Commands, DescribeShowsWhyAJobFailed) {
  json failed = job("mnist-7", "failed");
  failed["attempt"] = 2;
  failed["failure"] = {
      {"class", "oom"}, {"exit_code", 137}, {"message", "the container took more than 2Gi"}};
  failed["spec"] = {{"command", {"python", "train.py"}}};
  answer("/api/v1/jobs/mnist-7", failed);
  const auto outcome = run({"describe", "mnist-7"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out,
              HasSubstr("mnist-7  failed\n\nFailure\n  Class         oom\n  Exit code     137\n"));
  EXPECT_THAT(outcome.out, HasSubstr("  Command       [\"python\",\"train.py\"]\n"));
}

TEST_F(Commands, DescribeSaysOfARejectedJobWhatIsKnownOfIt) {
  json rejected = job("mnist-8", "rejected");
  rejected["reason"] = "epochs is -1: expected a whole number from 1 to 1000000";
  rejected["ended_at"] = "2026-01-03T18:15:00.000Z";
  rejected["attempt"] = 0;
  answer("/api/v1/jobs/mnist-8", rejected);
  const auto outcome = run({"describe", "mnist-8"});
  EXPECT_THAT(outcome.out, HasSubstr("Rejected\n  Reason        epochs is -1: expected"));
  EXPECT_THAT(outcome.out, HasSubstr("  Ended         2026-01-03T18:15:00.000Z"));
  for (const auto* invented : {"Attempt", "Estimated", "Epochs", "Resources"})
    EXPECT_THAT(outcome.out, Not(HasSubstr(invented))) << invented;
}

json waiting_explanation(const std::string& sentence) {
  return {{"job_id", "mnist-7"},
          {"state", "queued"},
          {"position", 4},
          {"reason", {{"kind", "behind"}, {"sentence", sentence}}},
          {"start_p50", "2026-01-03T18:20:00.000Z"},
          {"start_p90", "2026-01-03T18:30:00.000Z"},
          {"end_p50", "2026-01-03T18:24:10.000Z"},
          {"estimated_duration_seconds", 250.0},
          {"estimated_cost_microusd", 20'500},
          {"as_of", "2026-01-03T18:15:00.000Z"}};
}

TEST_F(Commands, DescribeSaysWhyAJobWaitsAndUntilWhen) {
  answer("/api/v1/jobs/mnist-7", job("mnist-7", "queued"));
  answer("/api/v1/jobs/mnist-7/explain",
         waiting_explanation("waits behind 3 jobs; the next one, a, waits"));
  const auto outcome = run({"describe", "mnist-7"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out,
              HasSubstr("  Estimated     4m 10s, $0.0205\n"
                        "  Waits         behind 3 jobs; the next one, a, waits\n"
                        "  Start         in 5m 0s (2026-01-03T18:20:00Z)\n"
                        "  At latest     in 15m 0s (2026-01-03T18:30:00Z), in 9 cases of 10\n"
                        "  End           in 9m 10s (2026-01-03T18:24:10Z)\n"));
  const auto as_json = json::parse(run({"describe", "mnist-7", "-o", "json"}).out);
  EXPECT_EQ(as_json["explain"]["reason"]["kind"], "behind");
  EXPECT_EQ(as_json["state"], "queued");
}

TEST_F(Commands, DescribeSaysOfAJobThatDoesNotJustWaitWhatItDoes) {
  answer("/api/v1/jobs/a", job("a", "queued"));
  answer("/api/v1/jobs/a/explain", {{"state", "queued"}, {"as_of", "2026-01-03T18:15:00.000Z"}});
  EXPECT_THAT(run({"describe", "a"}).out,
              HasSubstr("  Outlook       is launched next\n  Start         can't be known yet\n"));
  answer("/api/v1/jobs/b", job("b", "queued"));
  answer("/api/v1/jobs/b/explain", waiting_explanation("failed and is tried again"));
  EXPECT_THAT(run({"describe", "b"}).out, HasSubstr("  Outlook       failed and is tried again\n"));
}

TEST_F(Commands, DescribeWorksWithoutAnExplanation) {
  answer("/api/v1/jobs/a", job("a", "queued"));  // there is no explanation of it any more
  answer("/api/v1/jobs/b", job("b", "queued"));
  answer("/api/v1/jobs/b/explain",
         {{"error", {{"code", "unavailable"}, {"message", "no scheduler leads"}}}}, 503);
  answer("/api/v1/jobs/c", job("c", "queued"));  // it has started meanwhile
  answer("/api/v1/jobs/c/explain", {{"state", "running"}, {"as_of", "2026-01-03T18:15:00.000Z"}});
  answer("/api/v1/jobs/d", job("d", "running"));  // nothing is asked of one that does not wait
  answer("/api/v1/jobs/d/explain", waiting_explanation("waits behind 3 jobs"));
  for (const auto* id : {"a", "b", "c", "d"}) {
    const auto outcome = run({"describe", id});
    EXPECT_EQ(outcome.exit_code, 0) << id;
    EXPECT_THAT(outcome.out, HasSubstr("  Priority      normal\n")) << id;
    for (const auto* absent : {"Waits", "Outlook", "Start ", "At latest"})
      EXPECT_THAT(outcome.out, Not(HasSubstr(absent))) << id;
    const auto as_json = run({"describe", id, "-o", "json"});
    EXPECT_EQ(as_json.exit_code, 0) << id;
    EXPECT_FALSE(json::parse(as_json.out).contains("explain")) << id;
  }
}

TEST_F(Commands, DescribeSaysWhyAPodThatDoesNotStartIsGivenUp) {
  json launching = job("a", "launching");
  launching["attempt"] = 1;
  launching["give_up"] = "the pod did not start within 300 s: ErrImagePull: no such image";
  answer("/api/v1/jobs/a", launching);
  EXPECT_THAT(run({"describe", "a"}).out,
              HasSubstr("Attempt 1\n  Given up      the pod did not start within 300 s: ErrImage"));
}

TEST_F(Commands, WhatIsNotThereExitsWithFour) {
  const json absent = {{"error", {{"code", "not_found"}, {"message", "there is no job x"}}}};
  answer("/api/v1/jobs/x", absent, 404);
  answer("/api/v1/batches/x", absent, 404);
  answer("/api/v1/jobs/x/logs", absent, 404);
  EXPECT_EQ(run({"describe", "x"}).exit_code, 4);
  const auto logs = run({"logs", "x", "-o", "json"});
  EXPECT_EQ(logs.exit_code, 4);
  EXPECT_EQ(json::parse(logs.out)["error"]["message"], "there is no job x");
}

TEST_F(Commands, LogsAreCopiedAsTheyAre) {
  server_.Get("/api/v1/jobs/a/logs",
              [](const httplib::Request& request, httplib::Response& response) {
                response.set_content(request.get_param_value("follow") + " " +
                                         request.get_param_value("tail") + "\nepoch 1\n",
                                     "text/plain");
              });
  EXPECT_EQ(run({"logs", "-f", "a", "--tail", "5"}).out, "true 5\nepoch 1\n");
}

TEST_F(Commands, ExplainSaysWhyAndUntilWhen) {
  answer("/api/v1/jobs/mnist-7/explain",
         waiting_explanation("waits behind 3 jobs; the next one, a, waits"));
  const auto outcome = run({"explain", "mnist-7"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out,
            "mnist-7 waits behind 3 jobs; the next one, a, waits\n"
            "  Position  4\n"
            "  Start     in 5m 0s (2026-01-03T18:20:00Z)\n"
            "  At latest in 15m 0s (2026-01-03T18:30:00Z), in 9 cases of 10\n"
            "  End       in 9m 10s (2026-01-03T18:24:10Z)\n"
            "  Cost      $0.0205 for a run of 4m 10s\n");
  EXPECT_EQ(json::parse(run({"explain", "mnist-7", "-o", "json"}).out)["reason"]["kind"], "behind");
  answer("/api/v1/jobs/x/explain", {{"error", {{"code", "not_found"}, {"message", "no job x"}}}},
         404);
  EXPECT_EQ(run({"explain", "x"}).exit_code, 4);
}

TEST_F(Commands, ExplainTellsWhatBecameOfOneThatDoesNotWait) {
  answer("/api/v1/jobs/a/explain", {{"job_id", "a"},
                                    {"state", "failed"},
                                    {"class", "oom"},
                                    {"message", "took more than 2Gi"},
                                    {"ended_at", "2026-01-03T18:10:00.000Z"},
                                    {"as_of", "2026-01-03T18:15:00.000Z"}});
  EXPECT_EQ(run({"explain", "a"}).out, "a has failed 5m 0s ago (oom): took more than 2Gi\n");
  answer("/api/v1/jobs/b/explain", {{"job_id", "b"},
                                    {"state", "running"},
                                    {"started_at", "2026-01-03T18:10:00.000Z"},
                                    {"estimated_duration_seconds", 100},
                                    {"estimated_cost_microusd", 20'500},
                                    {"as_of", "2026-01-03T18:15:00.000Z"}});
  EXPECT_EQ(run({"explain", "b"}).out,
            "b is running, for 5m 0s\n"
            "  End       any moment: it takes longer than was estimated\n"
            "  Cost      $0.0205 for a run of 1m 40s\n");
}

TEST_F(Commands, SimulateShowsTheBatchAndWhomItDelays) {
  json posted;
  server_.Post(
      "/api/v1/simulate", [&posted](const httplib::Request& request, httplib::Response& response) {
        posted = json::parse(request.body);
        json jobs = json::array();
        for (int i = 1; i <= 3; ++i) {
          jobs.push_back(
              {{"job_id", "b-" + std::to_string(i)},
               {"priority", "normal"},
               {"position", i},
               {"start_p50", i == 1 ? "2026-01-03T18:15:00.000Z" : "2026-01-03T18:19:10.000Z"},
               {"start_p90", "2026-01-03T18:20:00.000Z"},
               {"end_p50", "2026-01-03T18:23:20.000Z"},
               {"estimated_duration_seconds", 250.0},
               {"estimated_cost_microusd", 20'500}});
        }
        const json body = {{"as_of", "2026-01-03T18:15:00.000Z"},
                           {"jobs", jobs},
                           {"estimated_cost_microusd", 61'500},
                           {"delayed",
                            {{"jobs", 2},
                             {"mean_seconds", 60.0},
                             {"longest_seconds", 90.0},
                             {"longest_job_id", "mnist-7"}}}};
        response.set_content(body.dump(), "application/json");
      });
  const auto outcome = run({"simulate", "-", "--limit", "2"},
                           "{\"model_type\":\"mnist\"}\n{\"model_type\":\"bert\"}\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(posted["jobs"].size(), 2U);
  EXPECT_EQ(outcome.out,
            "3 jobs: the first starts now, the last ends in 8m 20s (2026-01-03T18:23:20Z), $0.0615 "
            "in all.\n"
            "2 jobs that wait already would start later, by 1m 0s on average and 1m 30s at most "
            "(mnist-7).\n"
            "\n"
            "POS  JOB  PRIORITY  START      9 IN 10   END        EST.TIME  EST.COST\n"
            "  1  b-1  normal    now        in 5m 0s  in 8m 20s    4m 10s   $0.0205\n"
            "  2  b-2  normal    in 4m 10s  in 5m 0s  in 8m 20s    4m 10s   $0.0205\n"
            "... and 1 more: --limit 3 shows all\n");
}

TEST_F(Commands, ABatchThatWouldBeRefusedExitsWithOne) {
  const json refusal = {
      {"error",
       {{"code", "refused"},
        {"message", "the batch would be refused"},
        {"errors", {{{"index", 1}, {"field", "resources"}, {"reason", "too large"}}}}}}};
  server_.Post("/api/v1/simulate", [&](const httplib::Request&, httplib::Response& response) {
    response.status = 422;
    response.set_content(refusal.dump(), "application/json");
  });
  const std::string batch = R"([{"model_type":"mnist"}])";
  const auto outcome = run({"simulate", "-"}, batch);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("  jobs[1].resources: too large\n"));
  const auto as_json = run({"simulate", "-", "-o", "json"}, batch);
  EXPECT_EQ(as_json.exit_code, 1);
  EXPECT_EQ(json::parse(as_json.out), refusal);
  EXPECT_EQ(run({"simulate", "-"}, R"([{"model_type":"mnist","epochs":0}])").exit_code, 2);
  EXPECT_EQ(run({"simulate", "-", "--console-url", "http://127.0.0.1:1"}, batch).exit_code, 3);
}

TEST_F(Commands, AConsoleThatIsAwayIsNamedWithItsSetting) {
  answer("/api/v1/queue",
         {{"error", {{"code", "unavailable"}, {"message", "Redis: connection refused"}}}}, 503);
  const auto no_redis = run({"status"});
  EXPECT_EQ(no_redis.exit_code, 3);
  EXPECT_THAT(no_redis.err, AllOf(HasSubstr(url()), HasSubstr("Redis: connection refused")));
  const auto away = run({"status", "--console-url", "http://127.0.0.1:1"});
  EXPECT_EQ(away.exit_code, 3);
  EXPECT_THAT(away.err, AllOf(HasSubstr("http://127.0.0.1:1"), HasSubstr("OPPEN_CONSOLE_URL")));
}

TEST_F(Commands, WhatIsCancelledIsNamedInOneWay) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"cancel"},
                                             {"cancel", "a", "--batch", "b"},
                                             {"cancel", "a", "--team", "vision"},
                                             {"cancel", "--batch", "b", "--team", "vision"}}) {
    const auto outcome = run(words);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("by the ids of jobs, by --batch, or by --team"));
  }
}

TEST_F(Commands, AnAmendChangesSomethingThatThereIs) {
  EXPECT_THAT(run({"amend", "a"}).err, HasSubstr("nothing is to be changed"));
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"amend", "a"},
                                             {"amend", "--spot"},
                                             {"amend", "a", "--priority", "high"},
                                             {"amend", "a", "--window", "night"},
                                             {"amend", "a", "--batch-size", "many"},
                                             {"amend", "a", "--batch-size", "0"},
                                             {"amend", "a", "--spot", "--no-spot"}}) {
    EXPECT_EQ(run(words).exit_code, 2) << words.back();
  }
}

TEST_F(Commands, OnlyWhatHasEndedIsRetried) {
  answer("/api/v1/jobs/runs", {{"state", "running"}, {"spec", {{"model_type", "mnist"}}}});
  answer("/api/v1/jobs/bad", {{"state", "rejected"}, {"spec", json::object()}});
  answer("/api/v1/jobs/x", {{"error", {{"code", "not_found"}, {"message", "there is no job x"}}}},
         404);
  const auto runs = run({"retry", "runs"});
  EXPECT_EQ(runs.exit_code, 1);
  EXPECT_THAT(runs.err, HasSubstr("job runs has not ended, it is running"));
  EXPECT_EQ(run({"retry", "bad"}).exit_code, 1);
  EXPECT_EQ(run({"retry", "x"}).exit_code, 4);
  EXPECT_EQ(run({"retry", "x", "--console-url", "http://127.0.0.1:1"}).exit_code, 3);
}

TEST_F(Commands, ThePauseOfAQueueEndsInTheFuture) {
  const auto past = run({"queue", "pause", "--until", "2020-01-03T18:15:00Z"});
  EXPECT_EQ(past.exit_code, 2);
  EXPECT_THAT(past.err, HasSubstr("expected a time to come"));
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"queue"},
           {"queue", "pause", "--until", "tomorrow"},
           {"queue", "pause", "--for", "10"},
           {"queue", "pause", "--for", "0s"},
           {"queue", "pause", "--for", "2w"},
           {"queue", "pause", "--for", "1h", "--until", "2100-01-03T18:15:00Z"},
           {"queue", "resume", "--for", "1h"}}) {
    EXPECT_EQ(run(words).exit_code, 2) << words.back();
  }
}

TEST_F(Commands, AReportAsAskedFor) {
  std::string asked;
  server_.Get(
      "/api/v1/report", [&asked](const httplib::Request& request, httplib::Response& response) {
        asked = request.get_param_value("by") + " " + request.get_param_value("month") + " " +
                request.get_param_value("team");
        if (request.get_param_value("format") == "csv") {
          response.set_content("row,team\r\n", "text/csv");
        } else {
          response.set_content(
              R"({"from":"2026-01-01","to":"2026-01-31","by":"team","groups":[],"total":{}})",
              "application/json");
        }
      });
  EXPECT_THAT(run({"report", "--month", "2026-01", "--by", "team", "--team", "vision"}).out,
              HasSubstr("Nothing has been charged"));
  EXPECT_EQ(asked, "team 2026-01 vision");
  EXPECT_EQ(run({"report", "--format", "csv"}).out, "row,team\r\n");
  EXPECT_EQ(json::parse(run({"report", "-o", "json"}).out)["by"], "team");
  EXPECT_EQ(json::parse(run({"report", "--format", "json"}).out)["by"], "team");
  EXPECT_EQ(run({"report", "--by", "colour"}).exit_code, 2);
}

TEST_F(Commands, WhatTheConsoleRefusesOfAReportIsBadInput) {
  answer("/api/v1/report",
         {{"error", {{"code", "invalid"}, {"message", "month is \"2026-13\": expected ..."}}}},
         400);
  for (const char* format : {"text", "csv"}) {
    const auto outcome = run({"report", "--month", "2026-13", "--format", format});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("2026-13"));
    EXPECT_EQ(outcome.out, "");
  }
}

TEST_F(Commands, AForecastOfNobodyIsNoSuchThing) {
  answer("/api/v1/forecast/nobody",
         {{"error", {{"code", "not_found"}, {"message", "there is no job or run nobody"}}}}, 404);
  EXPECT_EQ(run({"forecast", "nobody"}).exit_code, 4);
}

TEST_F(Commands, APeriodIsForecastByItsName) {
  std::string asked;
  server_.Get(
      "/api/v1/forecast", [&asked](const httplib::Request& request, httplib::Response& response) {
        asked = request.get_param_value("period") + " " + request.get_param_value("team");
        response.set_content(R"({"period":"quarter","total_microusd":{"expected":1000000}})",
                             "application/json");
      });
  EXPECT_THAT(run({"forecast", "--period", "quarter", "--team", "vision"}).out,
              HasSubstr("will have cost $1.00"));
  EXPECT_EQ(asked, "quarter vision");
  EXPECT_EQ(run({"forecast"}).exit_code, 2);
  EXPECT_EQ(run({"forecast", "a", "--period", "month"}).exit_code, 2);
  EXPECT_EQ(run({"forecast", "a", "--team", "vision"}).exit_code, 2);
  EXPECT_EQ(run({"forecast", "--period", "year"}).exit_code, 2);
}

TEST_F(Commands, RecommendationsAreAskedForByName) {
  std::string asked;
  server_.Get("/api/v1/recommendations", [&asked](const httplib::Request& request,
                                                  httplib::Response& response) {
    asked = request.get_param_value("run");
    response.set_content(R"({"job_id":"a","ended":false,"state":"running","recommendations":[]})",
                         "application/json");
  });
  const auto outcome = run({"recommend", "nightly/1 & 2"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(asked, "nightly/1 & 2");
  EXPECT_THAT(outcome.out, HasSubstr("a has not ended (running)"));
  EXPECT_EQ(json::parse(run({"recommend", "a", "-o", "json"}).out)["state"], "running");
  EXPECT_EQ(run({"recommend"}).exit_code, 2);
}

TEST_F(Commands, RecommendationsForNobodyAreNoSuchThing) {
  answer("/api/v1/recommendations",
         {{"error", {{"code", "not_found"}, {"message", "there is no job or run nobody"}}}}, 404);
  const auto outcome = run({"recommend", "nobody"});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("nobody"));
}

TEST_F(Commands, ConfigurationsAreCompared) {
  json asked;
  server_.Post("/api/v1/compare", [&asked](const httplib::Request& request,
                                           httplib::Response& response) {
    asked = json::parse(request.body);
    if (asked["jobs"].size() < 2) {
      response.status = 400;
      response.set_content(
          R"({"error":{"code":"invalid","message":"jobs has 1 configurations: expected 2 to 100"}})",
          "application/json");
      return;
    }
    response.set_content(R"({"interval_percent":95,"cheapest":"config-2","configurations":[]})",
                         "application/json");
  });
  const auto outcome = run(
      {"compare", "-"},
      R"([{"model_type":"mnist","epochs":2},{"model_type":"mnist","epochs":2,"batch_size":128}])");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("Cheapest: config-2"));
  EXPECT_EQ(asked["jobs"][1]["job_id"], "config-2");
  const auto alone = run({"compare", "-"}, R"([{"model_type":"mnist"}])");
  EXPECT_EQ(alone.exit_code, 2);
  EXPECT_THAT(alone.err, HasSubstr("expected 2 to 100"));
  EXPECT_EQ(run({"compare", "-"}, R"([{"epochs":2}])").exit_code, 2);
}

// What is rounded to nothing would withdraw the budget.
TEST_F(Commands, BudgetSetRefusesAnAmountThatIsNoMicroDollar) {
  const auto outcome = run({"budget", "set", "b", "--amount", "0.0000004"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--amount is 4e-07"));
}

TEST_F(Commands, AToolIsCalledAsAnAgentWould) {
  answer("/api/v1/queue", {{"queued", {{"total", 0}}}, {"slots", 3}, {"jobs", json::array()}});
  const auto told = run({"tool", "get_queue_status", "limit=1", "-o", "json"});
  EXPECT_EQ(told.exit_code, 0) << told.err;
  EXPECT_EQ(json::parse(told.out)["slots"], 3);
  EXPECT_EQ(run({"tool", "get_queue_status", "--json", "-"}, R"({"limit": 1})").exit_code, 0);
  const auto wrong = run({"tool", "get_queue_status", "limit=many", "-o", "json"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(json::parse(wrong.out)["error"]["fields"][0]["field"], "limit");
  EXPECT_EQ(run({"tool", "get_queue_status", "limit"}).exit_code, 2);
  EXPECT_EQ(run({"tool", "get_queue_status", "--json", "[]"}).exit_code, 2);
  EXPECT_EQ(run({"tool", "get_training_status", "job=nobody"}).exit_code, 4);
  // Text that looks like a number stays text where text is wanted.
  EXPECT_THAT(run({"tool", "get_training_status", "job=7"}).err, HasSubstr("no job 7"));
  EXPECT_EQ(run({"tool", "approve"}).exit_code, 4);
  EXPECT_THAT(run({"tool"}).out, AllOf(HasSubstr("cancel_queued_job"), HasSubstr("ends")));
  EXPECT_THAT(run({"tool", "queue_training_job", "--describe"}).out,
              HasSubstr("model_type (required)"));
}

TEST_F(Commands, McpAnswersLinesUntilTheyEnd) {
  const auto served = run({"mcp"}, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n");
  EXPECT_EQ(served.exit_code, 0);
  EXPECT_EQ(json::parse(served.out)["id"], 1);
}

}  // namespace
}  // namespace oppen::cli
