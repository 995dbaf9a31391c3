// Proves that each run that has ended is told exactly once, whatever fails, restarts, comes late or is changed, and that one that can't be
// told stops no other.
#include "producers/mlflow/bridge.hpp"

#include <gmock/gmock.h>

#include <set>
#include <utility>

#include "producers/mlflow/events.hpp"
#include "tests/unit/mlflow/fakes.hpp"

namespace oppen::mlflow {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::int64_t today_ms = day_ms * 20'000;

class BridgeTest : public ::testing::Test {
 protected:
  BridgeTest() { restart(); }

  void restart() {
    metrics_ = std::make_unique<runtime::Metrics>();
    health_ = std::make_unique<runtime::Health>();
    bridge_ = std::make_unique<Bridge>(mlflow_, topic_, nullptr, Mapping::usual(), options_,
                                       *metrics_, *health_);
  }
  Status pass(std::chrono::milliseconds later = 0ms) {
    return bridge_->pass(Time(std::chrono::milliseconds(today_ms)) + later);
  }
  void passes(std::chrono::milliseconds later = 0ms) {
    const auto passed = pass(later);
    ASSERT_TRUE(passed) << passed.error().message;
  }
  std::vector<std::string> completed() const {
    std::vector<std::string> ids;
    for (const auto& data : topic_.told("run.completed")) ids.push_back(data.at("run_id"));
    return ids;
  }
  double skipped() const {
    return metrics_
        ->counter("oppen_mlflow_runs_skipped_total",
                  "Runs that could not be made an event; the log says why")
        .value();
  }

  FakeMlflow mlflow_;
  FakeTopic topic_;
  BridgeOptions options_;
  std::unique_ptr<runtime::Metrics> metrics_;
  std::unique_ptr<runtime::Health> health_;
  std::unique_ptr<Bridge> bridge_;
};

TEST_F(BridgeTest, TellsWhatHasEnded) {
  mlflow_.add("a", today_ms - 1000);
  mlflow_.add("b", today_ms - 500, "FAILED");
  mlflow_.add("c", today_ms - 400, "KILLED");
  mlflow_.add("d", 0);
  mlflow_.add("e", 0)["info"]["status"] = "SCHEDULED";
  passes();
  EXPECT_THAT(completed(), ElementsAre("a", "b", "c"));
  const auto told = topic_.told("run.completed");
  EXPECT_EQ(told[0]["status"], "succeeded");
  EXPECT_EQ(told[1]["status"], "failed");
  EXPECT_EQ(told[2]["status"], "failed");
  EXPECT_TRUE(health_->ready());
}

TEST_F(BridgeTest, TheEventIsTheSameWhoeverTells) {
  auto& run = mlflow_.add("a", today_ms - 1000);
  set(run, "tags", "oppen.job_id", "a-job");
  set(run, "tags", "oppen.attempt", "2");
  mlflow_.add("b", today_ms - 500);
  passes();
  const auto first = topic_.records;
  topic_.records.clear();
  restart();
  passes(5min);
  ASSERT_EQ(first.size(), topic_.records.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].headers, topic_.records[i].headers);
    EXPECT_EQ(first[i].value, topic_.records[i].value);
  }
  EXPECT_EQ(first[0].key, "a-job") << "so that it lies with all that is told of the job";
  EXPECT_EQ(first[1].key, "b");
  const auto event = decode(first[0]);
  EXPECT_EQ(event->id, "a/completed");
  EXPECT_EQ(event->source, "/oppen/mlflow");
  EXPECT_EQ(event->subject, "a-job");
  EXPECT_EQ(event->time, Time(std::chrono::milliseconds(today_ms - 1000)));
}

TEST_F(BridgeTest, OnceAcrossPassesAndRestarts) {
  options_.page_size = 2;
  restart();
  for (const auto* id : {"a", "b", "c", "d", "e"})
    mlflow_.add(id, today_ms);  // a page's edge falls between equal ends
  for (int i = 0; i < 3; ++i) {
    passes(i * 11min);
    restart();
    passes(i * 11min + 1s);
  }
  mlflow_.add("f", today_ms + 60'000);
  passes(35min);
  EXPECT_THAT(completed(), ElementsAre("a", "b", "c", "d", "e", "f"));
}

TEST_F(BridgeTest, OnceWhenItDiesAtAnyRequest) {
  options_.page_size = 2;
  for (int i = 0; i < 7; ++i) mlflow_.add("run-" + std::to_string(i), today_ms - i);
  // It gets through more and more requests before MLflow is gone and it is started anew.
  for (std::size_t good = 0; good < 12; ++good) {
    restart();
    mlflow_.answers.assign(good, std::nullopt);
    mlflow_.answers.push_back(Error{ErrorKind::unavailable, "gone"});
    static_cast<void>(pass());
    mlflow_.answers.clear();
  }
  passes();
  const auto told = completed();
  EXPECT_EQ(told.size(), 7U);
  EXPECT_EQ(std::set(told.begin(), told.end()).size(), 7U);
}

TEST_F(BridgeTest, WhatIsNotAcknowledgedIsLookedForInTheTopic) {
  mlflow_.add("a", today_ms);
  topic_.lost_answers = Error{ErrorKind::unavailable, "no answer"};
  const auto failed = pass();
  ASSERT_FALSE(failed);
  EXPECT_FALSE(health_->ready());
  EXPECT_THAT(health_->readiness_json(), HasSubstr("no answer"));
  topic_.lost_answers.reset();
  passes();
  EXPECT_EQ(topic_.read_backs, 2);
  EXPECT_THAT(completed(), ElementsAre("a")) << "it had arrived";
  EXPECT_TRUE(health_->ready());
}

TEST_F(BridgeTest, NothingIsLostWhileKafkaIsAway) {
  mlflow_.add("a", today_ms);
  topic_.away = Error{ErrorKind::unavailable, "Kafka is away"};
  EXPECT_FALSE(pass());
  EXPECT_THAT(mlflow_.asked, IsEmpty()) << "there is nobody to tell";
  EXPECT_THAT(health_->readiness_json(), HasSubstr("Kafka is away"));
  topic_.away.reset();
  passes(1min);
  EXPECT_THAT(completed(), ElementsAre("a"));
}

TEST_F(BridgeTest, MlflowIsAwayOrRefuses) {
  mlflow_.add("a", today_ms);
  mlflow_.answers = {Error{ErrorKind::refused, "wants other credentials"}};
  EXPECT_FALSE(pass());
  EXPECT_THAT(health_->readiness_json(), HasSubstr("wants other credentials"));
  mlflow_.answers = {std::nullopt, std::nullopt, Error{ErrorKind::unavailable, "busy"}};
  EXPECT_FALSE(pass());
  EXPECT_THAT(health_->readiness_json(), HasSubstr("busy"));
  passes();
  EXPECT_TRUE(health_->ready());
  EXPECT_EQ(topic_.read_backs, 1) << "of Kafka nothing was in doubt";
  EXPECT_THAT(completed(), ElementsAre("a"));
}

TEST_F(BridgeTest, WhatComesLate) {
  passes();
  mlflow_.add("minutes", today_ms - 30 * 60'000);
  passes(1min);
  EXPECT_THAT(completed(), ElementsAre("minutes"));
  mlflow_.add("days", today_ms - 3 * day_ms);
  passes(2min);
  EXPECT_THAT(completed(), ElementsAre("minutes"));
  passes(11min);  // a sweep
  EXPECT_THAT(completed(), ElementsAre("minutes", "days"));
  mlflow_.add("ahead", today_ms + day_ms);  // by a clock that is wrong
  mlflow_.add("too-old", today_ms - 8 * day_ms);
  passes(12min);
  passes(40min);
  EXPECT_THAT(completed(), ElementsAre("minutes", "days", "ahead"));
}

TEST_F(BridgeTest, WhatHasEndedWhileItWasAwayForLongIsTold) {
  passes();
  mlflow_.add("meanwhile", today_ms + day_ms);
  passes(std::chrono::hours(24 * 3));
  EXPECT_THAT(completed(), ElementsAre("meanwhile"));
}

TEST_F(BridgeTest, ARunThatIsDeletedMeanwhileCostsNoOther) {
  options_.page_size = 2;
  restart();
  for (const auto* id : {"a", "b", "c", "d", "e"}) mlflow_.add(id, today_ms - 1000);
  bool deleted = false;
  mlflow_.after_page = [&] {
    auto& runs = mlflow_.experiments.front().runs;
    if (!std::exchange(deleted, true)) runs.erase(runs.begin());
  };
  passes();
  passes(1s);
  const auto told = completed();
  EXPECT_EQ(std::multiset<std::string>(told.begin(), told.end()),
            (std::multiset<std::string>{"a", "b", "c", "d", "e"}))
      << "a was told before it was deleted";
}

TEST_F(BridgeTest, ARunThatIsTakenUpAgainOrChangedIsNotToldAgain) {
  auto& run = mlflow_.add("a", today_ms);
  set(run, "tags", "oppen.job_id", "a-job");
  set(run, "tags", "oppen.attempt", "1");
  passes();
  run["info"]["status"] = "RUNNING";
  set(run, "metrics", "epoch", 3, today_ms + 1);
  passes(1min);
  run["info"]["status"] = "FINISHED";
  run["info"]["end_time"] = today_ms + 120'000;
  set(run, "params", "epochs", "20");
  passes(3min);
  restart();
  passes(4min);
  EXPECT_THAT(completed(), ElementsAre("a"));
  EXPECT_THAT(topic_.told("run.progress"), IsEmpty());
}

TEST_F(BridgeTest, WhatCannotBeToldStopsNothingAndIsCountedOnce) {
  set(mlflow_.add("bad", today_ms - 3), "params", "epochs", "many");
  mlflow_.add("good", today_ms - 2);
  auto& no_end = mlflow_.add("no-end", today_ms - 1);
  no_end["info"].erase("end_time");
  mlflow_.experiments.front().runs.push_back(
      {{"info", {{"status", "FINISHED"}, {"end_time", today_ms}, {"start_time", today_ms}}}});
  passes();
  passes(1s);
  passes(11min);
  EXPECT_THAT(completed(), ElementsAre("good"));
  EXPECT_EQ(skipped(), 3);
  set(mlflow_.run("bad"), "params", "epochs", "more");
  passes(22min);
  EXPECT_EQ(skipped(), 4) << "another reason";
  set(mlflow_.run("bad"), "params", "epochs", "3");  // its owner mends it
  passes(33min);
  EXPECT_THAT(completed(), ElementsAre("good", "bad"));
}

TEST_F(BridgeTest, ProgressWhenItSaysSomethingNew) {
  auto& run = mlflow_.add("a", 0);
  mlflow_.add("of-no-job", 0);
  set(run, "tags", "oppen.job_id", "a-job");
  set(run, "tags", "oppen.attempt", "1");
  passes();
  passes(15s);
  set(run, "metrics", "epoch", 1, today_ms + 20'000);
  passes(30s);
  restart();
  passes(45s);
  const auto told = topic_.told("run.progress");
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0]["epoch"], 0);
  EXPECT_EQ(told[1]["epoch"], 1);
  EXPECT_EQ(told[1]["epochs"], 10);
  EXPECT_EQ(topic_.records.back().key, "a-job");
  run["info"]["status"] = "FINISHED";
  run["info"]["end_time"] = today_ms + 60'000;
  passes(1min);
  EXPECT_THAT(completed(), ElementsAre("a"));
  EXPECT_EQ(topic_.told("run.progress").size(), 2U);
}

TEST_F(BridgeTest, ProgressOfALongTraining) {
  auto& run = mlflow_.add("a", 0);
  set(run, "tags", "oppen.job_id", "a-job");
  set(run, "tags", "oppen.attempt", "1");
  run["info"]["start_time"] = today_ms - 100 * day_ms;
  passes();
  set(run, "metrics", "epoch", 1, today_ms + 20'000);
  passes(30s);
  EXPECT_EQ(topic_.told("run.progress").size(), 2U);
}

TEST_F(BridgeTest, WhatWasToldIsKnownAsLongAsItCanBeFound) {
  constexpr auto day = std::chrono::hours(24);
  mlflow_.add("a", today_ms);
  mlflow_.add("ahead", today_ms + 300 * day_ms);  // by a clock that is wrong
  passes();
  ASSERT_THAT(completed(), ElementsAre("a", "ahead"));
  // Taken up again, and ended again, when no search had found it for weeks.
  passes(20 * day);
  auto& run = mlflow_.run("a");
  run["info"]["status"] = "RUNNING";
  passes(29 * day);
  passes(58 * day);
  run["info"]["status"] = "FINISHED";
  run["info"]["end_time"] = today_ms + 60 * day_ms;
  passes(60 * day);
  EXPECT_THAT(completed(), ElementsAre("a", "ahead"));
  // Nothing is kept of it for ever.
  passes(68 * day);
  passes(100 * day);
  run["info"]["end_time"] = today_ms + 100 * day_ms;
  passes(101 * day);
  EXPECT_THAT(completed(), ElementsAre("a", "ahead", "a"));
}

TEST_F(BridgeTest, TheExperimentsThatWereChosen) {
  mlflow_.experiments = {{"0", "Default", {}}, {"1", "vision", {}}, {"2", "search", {}}};
  mlflow_.add("run-Default", today_ms, "FINISHED", 0);
  mlflow_.add("run-vision", today_ms, "FINISHED", 1);
  mlflow_.add("run-search", today_ms, "FINISHED", 2);
  options_.experiments = {"vision", "not there yet"};
  restart();
  passes();
  EXPECT_THAT(completed(), ElementsAre("run-vision"));
  options_.experiments.clear();
  restart();
  passes();
  EXPECT_THAT(completed(), UnorderedElementsAre("run-vision", "run-search", "run-Default"));
}

TEST_F(BridgeTest, ManyExperimentsAreAskedForInParts) {
  mlflow_.experiments.clear();
  for (int i = 0; i < 250; ++i)
    mlflow_.experiments.push_back({std::to_string(i), "experiment " + std::to_string(i), {}});
  mlflow_.add("first", today_ms, "FINISHED", 0);
  mlflow_.add("last", today_ms, "FINISHED", 249);
  passes();
  EXPECT_THAT(completed(), ElementsAre("first", "last"));
  for (const auto& [endpoint, request] : mlflow_.asked) {
    if (endpoint == "runs/search") {
      EXPECT_LE(request.at("experiment_ids").size(), 100U);
    }
  }
}

TEST_F(BridgeTest, OthersRecordsOnTheTopicAreNotTakenForItsOwn) {
  mlflow_.add("a", today_ms);
  passes();
  for (auto& [name, value] : topic_.records.front().headers) {
    if (name == "ce_source") value = "/my/trainer";
  }
  restart();
  passes();
  EXPECT_THAT(completed(), ElementsAre("a", "a")) << "the trainer's own report, and ours";
  topic_.records.push_back({"", std::nullopt, {}});
  restart();
  passes();
  EXPECT_EQ(topic_.records.size(), 3U);
}

}  // namespace
}  // namespace oppen::mlflow
