// Proves on a real Redis what the scheduler answers: why a job waits, whatever holds it, with its place and times; what has become of one
// that does not wait; what a batch would do, and why it would be refused; and that one who does not lead says so.
#include "scheduler/answers/questions.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/component/core/core_fixture.hpp"

namespace oppen::answers {
namespace {

using core::CoreTest;
using nlohmann::json;
using std::chrono::seconds;
using ::testing::HasSubstr;

class QuestionsTest : public CoreTest {
 protected:
  void SetUp() override {
    CoreTest::SetUp();
    questions = Questions::create(server->url(), "oppen.", inquiry).value();
    lead();
  }

  // The test waits for each answer, so the core's state may be read on any thread meanwhile; what is read unasked finds it silent.
  void lead() {
    term.emplace(
        inquiry,
        [this](const std::function<Status()>& task) {
          const std::lock_guard lock(answering);
          if (answers) (void)task();
        },
        core::Inquiry::Sources{
            [this]() -> Result<core::Situation> { return attempts->situation(); },
            [this]() -> Result<core::AdmissionRules> {
              if (rules_are_silent) return fail(ErrorKind::unavailable, "busy");
              return state->rules_to_keep();
            }});
  }

  template <class Question>
  runtime::HttpAnswer ask(Question question) {
    const auto set = [this](bool value) {
      const std::lock_guard lock(answering);
      answers = value;
    };
    set(!silent);
    auto answer = question();
    set(false);  // once what is read ahead has been told
    return answer;
  }
  json explain(const std::string& job_id, int status = 200) {
    const auto answer = ask([&] { return questions->explain(job_id); });
    EXPECT_EQ(answer.status, status) << answer.body;
    return json::parse(answer.body);
  }
  json simulate(const json& batch, int status = 200, bool delays = true) {
    const auto answer = ask([&] { return questions->simulate(batch.dump(), delays); });
    EXPECT_EQ(answer.status, status) << answer.body;
    return json::parse(answer.body);
  }
  json simulate_policy(const json& change, int status = 200) {
    const auto answer = ask([&] { return questions->simulate_policy(change.dump()); });
    EXPECT_EQ(answer.status, status) << answer.body;
    return json::parse(answer.body);
  }
  static json batch_of(const json& jobs) { return {{"batch_id", "b"}, {"jobs", jobs}}; }
  static json job(const std::string& id, json more = json::object()) {
    more["job_id"] = id;
    more["model_type"] = "mnist";
    return more;
  }

  // What the core will do by itself when it knows holds.
  void hold(const std::string& job_id, queue::Hold hold, Time not_before = {},
            std::vector<std::string> after = {}) {
    auto held = record(job_id);
    held.hold = hold;
    held.not_before = not_before;
    held.spec.after = std::move(after);
    ASSERT_TRUE(state->commit(queue::Changes().put(held)));
  }
  // Runs, as far as the API server says.
  void start(const std::string& job_id) {
    kube.run(job_id + "-1", clock.now());
    settle();
  }

  std::mutex answering;
  bool answers = false;
  bool silent = false;  // also when it is asked
  bool rules_are_silent = false;
  core::Inquiry inquiry;
  std::unique_ptr<Questions> questions;
  std::optional<core::Inquiry::Term> term;
};

TEST_F(QuestionsTest, FullSlotsAndWhoStandsBehind) {
  for (const auto* id : {"a", "b", "c", "d", "e"}) submit(id);
  start("a");
  start("b");
  const auto head = explain("c");
  EXPECT_EQ(head.at("state"), "queued");
  EXPECT_EQ(head.at("position"), 1);
  EXPECT_EQ(head.at("reason"), json::parse(R"j({"kind": "waiting_for_slot", "slots": 2, "taken": 2,
      "sentence": "waits for a free slot (2 of 2 taken)"
})j"));
  const auto last = explain("e");
  EXPECT_EQ(last.at("position"), 3);
  EXPECT_EQ(last.at("reason").at("kind"), "behind");
  EXPECT_EQ(last.at("reason").at("job"), "c");
  EXPECT_EQ(last.at("reason").at("count"), 2);
  EXPECT_LT(head.at("start_p50"), last.at("start_p50"));
  EXPECT_LE(last.at("start_p50"), last.at("start_p90"));
  EXPECT_GT(last.at("end_p50"), last.at("start_p50"));
  EXPECT_GT(last.at("estimated_cost_microusd"), 0);
  EXPECT_EQ(last.at("as_of"), to_rfc3339(clock.now()));
}

TEST_F(QuestionsTest, AQuotaIsNamed) {
  state->quotas = {{"gpu-quota", "", {{"gpus", 3}}, {}}};
  submit("a", {{"resources", {{"gpus", 2}}}});
  submit("b", {{"resources", {{"gpus", 2}}}});
  EXPECT_EQ(explain("b").at("reason"),
            json::parse(R"j({"kind": "quota", "quota": "gpu-quota", "resource": "gpus", "need": 2,
      "free": 1, "allowed": 3, "sentence": "waits for quota gpu-quota: needs 2 gpus, 1 gpu free"})j"));
}

TEST_F(QuestionsTest, AQuotaThatWasLoweredIsToldAndTheJobStays) {
  state->quotas = {{"gpu-quota", "", {{"gpus", 4}}, {{"gpus", 4}}}};
  submit("a", {{"resources", {{"gpus", 3}}}});
  submit("b");
  state->quotas = {{"gpu-quota", "", {{"gpus", 2}}, {}}};
  settle();
  const auto reason = explain("a").at("reason");
  EXPECT_EQ(reason.at("kind"), "quota");
  EXPECT_EQ(reason.at("allowed"), 2);
  EXPECT_EQ(reason.at("sentence"),
            "waits until quota gpu-quota is raised: needs 3 gpus, it allows 2 gpus in all");
  EXPECT_FALSE(explain("a").contains("start_p50"));
  EXPECT_EQ(reason.at("sentence"), store->meta("head_waits").value().value_or(""));
  EXPECT_EQ(explain("b").at("reason").at("job"), "a");
  state->quotas = {{"gpu-quota", "", {{"gpus", 4}}, {}}};
  attempts->quota_changed();
  settle();
  EXPECT_EQ(state_of("a"), JobState::launching);
}

TEST_F(QuestionsTest, StartsAreToldOfAPageOfWaitingJobs) {
  for (const auto* id : {"a", "b", "c", "d", "e"}) submit(id);
  start("a");
  const auto starts = [this](const json& ids) {
    const auto answer = ask([&] { return questions->starts(json{{"jobs", ids}}.dump()); });
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json::parse(answer.body);
  };
  const auto answer = starts({"e", "a", "nobody", "c"});
  ASSERT_EQ(answer.at("jobs").size(), 2U) << "of those that wait";
  for (const auto& job : answer.at("jobs")) {
    const auto alone = explain(job.at("job_id"));
    for (const auto* field : {"start_p50", "start_p90", "end_p50"})
      EXPECT_EQ(job.at(field), alone.at(field)) << job;
  }
  submit("f");
  EXPECT_EQ(starts(json::array({"f"})).at("jobs")[0].at("job_id"), "f") << "it has come since";
  EXPECT_EQ(starts(json::array()).at("jobs").size(), 0U);
  for (const auto* wrong :
       {"", "[]", "{}", R"({"jobs":7})", R"({"jobs":[7]})", R"({"jobs":["A b"]})"})
    EXPECT_EQ(questions->starts(wrong).status, 400) << wrong;
  EXPECT_EQ(questions->starts(json{{"jobs", std::vector<std::string>(1'001, "a")}}.dump()).status,
            400);
}

TEST_F(QuestionsTest, EachHoldIsTold) {
  for (const auto* id : {"a", "b", "retried", "night", "late", "late-2"}) submit(id);
  const auto until = clock.now() + seconds(90);
  hold("retried", queue::Hold::retry, until);
  hold("night", queue::Hold::window);
  hold("late", queue::Hold::dependency, {}, {"a", "b"});
  hold("late-2", queue::Hold::dependency, {}, {"night", "gone"});
  const auto retried = explain("retried").at("reason");
  EXPECT_EQ(retried.at("kind"), "retry_hold");
  EXPECT_EQ(retried.at("until"), to_rfc3339(until));
  EXPECT_EQ(explain("night").at("reason").at("kind"), "window");
  const auto late = explain("late").at("reason");
  EXPECT_EQ(late.at("kind"), "depends_on");
  EXPECT_EQ(late.at("count"), 2);
  EXPECT_THAT(late.at("job"), ::testing::AnyOf("a", "b"));
  EXPECT_EQ(explain("late-2").at("reason").at("job"), "night");
  EXPECT_EQ(explain("late-2").at("reason").at("count"), 1);
}

TEST_F(QuestionsTest, WhatDoesNotWaitSaysWhatItDoes) {
  for (const auto* id : {"a", "b", "c"}) submit(id);
  start("a");
  const auto running = explain("a");
  EXPECT_EQ(running.at("state"), "running");
  EXPECT_EQ(running.at("started_at"), to_rfc3339(clock.now()));
  EXPECT_FALSE(running.contains("reason"));
  EXPECT_EQ(explain("b").at("state"), "launching");
  cancel("c");
  const auto cancelled = explain("c");
  EXPECT_EQ(cancelled.at("state"), "cancelled");
  EXPECT_EQ(cancelled.at("message"), "no");
  EXPECT_EQ(explain("d", 404).at("error").at("message"), "there is no job d");
}

TEST_F(QuestionsTest, AQueueOfManyPagesIsReadInItsOrder) {
  submit("first");
  submit("second");
  for (int i = 0; i < 1'234; ++i) {
    EXPECT_EQ(
        handle(command(JobSubmit::type, job("n-" + std::to_string(i),
                                            {{"priority", i % 3 == 0 ? "background" : "normal"}}))),
        std::nullopt);
  }
  EXPECT_EQ(explain("n-1").at("position"), 1);
  EXPECT_EQ(explain("n-1232").at("position"), 822);
  EXPECT_EQ(explain("n-1232").at("reason").at("count"), 821);
  EXPECT_EQ(explain("n-0").at("position"), 823);
  EXPECT_EQ(explain("n-1233").at("reason").at("count"), 1'233);
  // One that has come since the queue was read.
  submit("late", {{"priority", "urgent"}});
  EXPECT_EQ(explain("late").at("reason").at("kind"), "waiting_for_slot");
}

TEST_F(QuestionsTest, ABatchIsPlayedThroughAndNotSubmitted) {
  for (const auto* id : {"a", "b", "c"}) submit(id);
  const auto before = events("x").size();
  const auto answer =
      simulate(batch_of({job("x", {{"priority", "urgent"}}), job("y"), job("z", {{"epochs", 3}})}));
  const auto& jobs = answer.at("jobs");
  ASSERT_EQ(jobs.size(), 3U);
  EXPECT_EQ(jobs[0].at("job_id"), "x");
  EXPECT_EQ(jobs[0].at("position"), 1);
  EXPECT_EQ(jobs[1].at("position"), 3);
  EXPECT_EQ(jobs[2].at("position"), 4);
  EXPECT_LT(jobs[0].at("start_p50"), jobs[1].at("start_p50"));
  EXPECT_NEAR(jobs[2].at("estimated_duration_seconds"), 360, 0.01);
  std::int64_t sum = 0;
  for (const auto& one : jobs) sum += one.at("estimated_cost_microusd").get<std::int64_t>();
  EXPECT_EQ(answer.at("estimated_cost_microusd"), sum);
  EXPECT_EQ(answer.at("delayed").at("jobs"), 1);
  EXPECT_EQ(answer.at("delayed").at("longest_job_id"), "c");
  EXPECT_GT(answer.at("delayed").at("longest_seconds"), 0);
  EXPECT_EQ(events("x").size(), before);
  explain("x", 404);
}

TEST_F(QuestionsTest, WithoutDelaysTheBatchAloneIsToldOf) {
  for (const auto* id : {"a", "b", "c"}) submit(id);
  const auto batch = batch_of({job("x", {{"priority", "urgent"}}), job("y"), job("z")});
  const auto all = simulate(batch);
  const auto alone = simulate(batch, 200, false);
  EXPECT_EQ(alone.at("jobs"), all.at("jobs"));
  EXPECT_FALSE(alone.contains("delayed"));
}

TEST_F(QuestionsTest, APolicyIsPlayedThroughAndNotChanged) {
  for (const auto* id : {"a", "b", "c", "d", "e", "f"}) submit(id);
  start("a");
  start("b");
  const auto more = simulate_policy({{"key", "max_concurrent_jobs"}, {"value", "4"}});
  EXPECT_EQ(more.at("waiting"), 4);
  EXPECT_EQ(more.at("start_earlier"), 4);
  EXPECT_EQ(more.at("start_later"), 0);
  EXPECT_LT(more.at("after").at("until_all_have_run_seconds"),
            more.at("before").at("until_all_have_run_seconds"));
  const auto fewer = simulate_policy({{"key", "max_concurrent_jobs"}, {"value", "1"}});
  EXPECT_EQ(fewer.at("start_later"), 4);
  EXPECT_EQ(fewer.at("before"), more.at("before"));
  const auto paused = simulate_policy({{"key", "queue_paused"}, {"value", "true"}});
  EXPECT_EQ(paused.at("after").at("jobs_that_start"), 0);
  EXPECT_FALSE(paused.at("after").contains("last_end"));
  EXPECT_EQ(paused.at("start_later"), 4);
  const auto until = to_rfc3339(clock.now() + seconds(36'000));
  const auto for_a_while =
      simulate_policy({{"key", "queue_paused"}, {"value", "true"}, {"until", until}});
  EXPECT_EQ(for_a_while.at("after").at("jobs_that_start"), 4);
  EXPECT_GE(for_a_while.at("after").at("mean_wait_seconds"), 36'000);
  EXPECT_FALSE(for_a_while.contains("until_ignored"));
  const auto more_for_a_while =
      simulate_policy({{"key", "max_concurrent_jobs"}, {"value", "4"}, {"until", until}});
  EXPECT_EQ(more_for_a_while.at("after"), more.at("after"));
  EXPECT_EQ(more_for_a_while.at("until_ignored"), true);
  for (const json& wrong : {json("tomorrow"), json(5), json(to_rfc3339(clock.now()))})
    simulate_policy({{"key", "queue_paused"}, {"value", "true"}, {"until", wrong}}, 400);
  const auto backfilled = simulate_policy({{"key", "backfill_enabled"}, {"value", "true"}});
  EXPECT_EQ(backfilled.at("waiting"), 4);
  EXPECT_EQ(backfilled.at("start_earlier"), 0);
  EXPECT_EQ(backfilled.at("start_later"), 0);
  EXPECT_THAT(simulate_policy({{"key", "gpu_utilization_target"}, {"value", "50"}}, 422)
                  .at("error")
                  .at("message")
                  .get<std::string>(),
              HasSubstr("gpu_utilization_target"));
  for (const auto* value : {"0", "many", ""})
    simulate_policy({{"key", "max_concurrent_jobs"}, {"value", value}}, 400);
  simulate_policy({{"key", "max_concurrent_jobs"}}, 400);
  simulate_policy(json::array(), 400);
  EXPECT_EQ(state->policy->max_concurrent_jobs, 2);
}

TEST_F(QuestionsTest, WhatWouldBeRefusedIsSaid) {
  submit("a");
  state->quotas = {{"gpu-quota", "", {{"gpus", 2}}, {}}};
  const auto refused =
      simulate(batch_of({job("big", {{"resources", {{"gpus", 3}}}}), job("a"), job("b")}), 422);
  const auto& errors = refused.at("error").at("errors");
  EXPECT_EQ(refused.at("error").at("code"), "refused");
  ASSERT_EQ(errors.size(), 1U) << "ids are looked up once the jobs themselves are sound";
  EXPECT_EQ(errors[0].at("index"), 0);
  const auto taken = simulate(batch_of({job("a"), job("b")}), 422).at("error").at("errors");
  EXPECT_EQ(taken[0].at("field"), "job_id");
  EXPECT_THAT(taken[0].at("reason").get<std::string>(), HasSubstr("exists already"));
  auto policy = *state->policy;
  policy.max_jobs_per_user = 2;
  state->policy = std::make_shared<const plan::Policy>(policy);
  const json mine = {job("k1", {{"user", "kim"}}), job("k2", {{"user", "kim"}})};
  simulate(batch_of(mine));
  submit("k0", {{"user", "kim"}});
  const auto too_many = simulate(batch_of(mine), 422).at("error").at("errors");
  send(batch_of(mine));
  EXPECT_EQ(too_many[0].at("field"), "user");
  EXPECT_EQ(too_many[0].at("reason"), last_event("b").at("errors")[0].at("reason"));
  auto dear = batch_of(json::array({job("b")}));
  dear["max_total_microusd"] = 1;
  EXPECT_EQ(simulate(dear, 422).at("error").at("errors")[0].at("field"), "max_total_microusd");
  EXPECT_EQ(
      simulate(batch_of(json::array({job("b", {{"epochs", 0}})})), 400).at("error").at("code"),
      "invalid");
  EXPECT_EQ(questions->simulate("garbage").status, 400);
}

TEST_F(QuestionsTest, ABatchThatWaitsForWhatCantComeIsRefusedAsAtSubmission) {
  for (const auto* id : {"good", "bad", "running", "gone"}) submit(id);
  cancel("gone");
  kube.run("good-1", clock.now());
  kube.succeed("good-1", clock.now());
  kube.run("bad-1", clock.now());
  kube.fail("bad-1", clock.now(), 3);
  settle();
  auto batch =
      batch_of({job("x", {{"after", {"good", "bad"}}}), job("y", {{"after", {"gone"}}}),
                job("z", {{"after", {"nobody", "x"}}}), job("w", {{"after", {"running"}}})});
  const auto faults_of = [](const json& errors) {
    std::vector<std::string> faults;
    for (const auto& fault : errors) {
      faults.push_back(std::to_string(fault.at("index").get<int>()) + " " +
                       fault.at("field").get<std::string>() + ": " +
                       fault.at("reason").get<std::string>());
    }
    return faults;
  };
  const auto faults = faults_of(simulate(batch, 422).at("error").at("errors"));
  EXPECT_THAT(faults,
              ::testing::ElementsAre("0 after[1]: after[1] is \"bad\": that job has failed",
                                     "1 after[0]: after[0] is \"gone\": that job was cancelled",
                                     "2 after[0]: after[0] is \"nobody\": there is no such job"));
  send(batch);
  EXPECT_EQ(faults, faults_of(last_event("b").at("errors")));

  batch = batch_of({job("x", {{"after", {"good"}}}), job("w", {{"after", {"x", "running"}}})});
  const auto jobs = simulate(batch).at("jobs");
  EXPECT_GE(jobs[1].at("start_p50"), jobs[0].at("end_p50"));

  batch = batch_of({job("x", {{"after", {"y"}}}), job("y", {{"after", {"x"}}})});
  EXPECT_EQ(faults_of(simulate(batch, 400).at("error").at("errors")),
            std::vector<std::string>{"0 after: these jobs wait for each other: x after y after x"});
}

TEST_F(QuestionsTest, ABatchThatWaitsForAWindowThatNeverOpensIsRefused) {
  auto model = *state->cost_model;
  model.off_peak_start_minute = model.off_peak_end_minute;
  state->cost_model = std::make_shared<const pricing::CostModel>(model);
  const auto batch = batch_of(json::array({job("x", {{"window", "off_peak"}})}));
  EXPECT_EQ(simulate(batch, 422).at("error").at("errors")[0].at("field"), "window");
}

TEST_F(QuestionsTest, ABatchIsToldThatTheQueueIsPaused) {
  auto policy = *state->policy;
  policy.queue_paused = true;
  state->policy = std::make_shared<const plan::Policy>(policy);
  const auto answer = simulate(batch_of(json::array({job("x")})));
  EXPECT_EQ(answer.at("held"), "the queue is paused");
  EXPECT_FALSE(answer.at("jobs")[0].contains("start_p50"));
  const auto until = clock.now() + seconds(600);
  state->paused_until = until;
  submit("a");
  EXPECT_EQ(explain("a").at("reason").at("until"), to_rfc3339(until));
  EXPECT_EQ(explain("a").at("start_p50"), to_rfc3339(until));
  const auto with_end = simulate(batch_of(json::array({job("x")})));
  EXPECT_EQ(with_end.at("held"), "the queue is paused until " + to_rfc3339(until));
  EXPECT_EQ(with_end.at("jobs")[0].at("start_p50"), to_rfc3339(until)) << "there are two slots";
}

// Each question comes while the snapshot of the one before it is good still.
TEST_F(QuestionsTest, WhatWasSaidBeforeTheQuestionCounts) {
  for (const auto* id : {"a", "b", "c", "d"}) submit(id);
  start("a");
  start("b");
  EXPECT_EQ(explain("c").at("reason").at("kind"), "waiting_for_slot");
  hold("c", queue::Hold::budget);
  EXPECT_EQ(explain("c").at("reason").at("kind"), "budget_hold");
  hold("c", queue::Hold::none);
  EXPECT_EQ(explain("c").at("reason").at("kind"), "waiting_for_slot") << "it is approved";
  const auto held = state->policy;
  auto policy = *held;
  policy.queue_paused = true;
  state->policy = std::make_shared<const plan::Policy>(policy);
  const auto simulate_resumed = [this] {
    return simulate_policy({{"key", "queue_paused"}, {"value", "false"}});
  };
  EXPECT_EQ(simulate_resumed().at("before").at("jobs_that_start"), 0);
  state->policy = held;
  EXPECT_EQ(simulate_resumed().at("before").at("jobs_that_start"), 2);
  EXPECT_EQ(simulate(batch_of(json::array({job("x")}))).contains("held"), false);
  submit("e");
  const auto jobs = simulate(batch_of({job("y", {{"after", {"e"}}}), job("z")})).at("jobs");
  EXPECT_GE(jobs[0].at("start_p50"), explain("e").at("end_p50")) << "though it has come since";
}

// Each question comes while the snapshot of the one before it is good still.
TEST_F(QuestionsTest, WhatIsAllowedIsOfNow) {
  for (const auto* id : {"a", "b", "c"}) submit(id, {{"team", "vision"}});
  start("a");
  start("b");
  hold("c", queue::Hold::budget);
  const auto say_budget = [this](std::int64_t amount) {
    BudgetSet set;
    set.budget_id = "month";
    set.period = "month";
    set.mode = "hard";
    set.amount = {amount};
    ASSERT_TRUE(state->budgets.take(set));
  };
  say_budget(1'000);
  EXPECT_THAT(explain("c").at("reason").at("because").get<std::string>(), HasSubstr("of $0.00 "));
  say_budget(2'000'000);
  EXPECT_THAT(explain("c").at("reason").at("because").get<std::string>(), HasSubstr("of $2.00 "));
  hold("c", queue::Hold::none);
  auto policy = *state->policy;
  policy.max_concurrent_jobs = 1;
  state->policy = std::make_shared<const plan::Policy>(policy);
  EXPECT_EQ(explain("c").at("reason").at("slots"), 1);
}

TEST_F(QuestionsTest, OfACoreThatIsSilentTheLastSnapshotTells) {
  for (const auto* id : {"a", "b", "c", "d"}) submit(id);
  start("a");
  start("b");
  silent = true;
  explain("d", 503);  // there is none yet
  silent = false;
  const auto before = explain("d");
  const auto batch = batch_of(json::array({job("x")}));
  const auto planned = simulate(batch);
  EXPECT_FALSE(before.contains("outdated"));
  clock.advance(seconds(50));
  silent = true;
  const auto outdated = [&](json answer) {
    EXPECT_EQ(answer.at("as_of"), before.at("as_of"));
    EXPECT_THAT(answer.at("outdated").get<std::string>(),
                HasSubstr("this is as of " + before.at("as_of").get<std::string>()));
    answer.erase("outdated");
    return answer;
  };
  EXPECT_EQ(outdated(explain("d")), before);
  EXPECT_EQ(outdated(simulate(batch)), planned);
  EXPECT_EQ(
      outdated(simulate_policy({{"key", "max_concurrent_jobs"}, {"value", "4"}})).at("waiting"), 2);
  explain("e", 404);
  term.reset();
  explain("d", 503);
}

TEST_F(QuestionsTest, OfACoreThatIsSilentNothingIsToldThatHasComeSince) {
  for (const auto* id : {"a", "b", "c"}) submit(id);
  explain("c");
  const auto batch = batch_of(json::array({job("x", {{"after", {"d"}}})}));
  simulate(batch, 422);
  submit("d");
  silent = true;
  EXPECT_THAT(explain("d", 503).at("error").at("message").get<std::string>(),
              HasSubstr("has changed since"));
  EXPECT_THAT(simulate(batch, 503).at("error").at("message").get<std::string>(),
              HasSubstr("has changed since"));
}

TEST_F(QuestionsTest, RulesThatAreNotOfNowAreSaidToBe) {
  submit("a");
  const auto batch = batch_of(json::array({job("x")}));
  EXPECT_FALSE(simulate(batch).contains("outdated"));
  rules_are_silent = true;
  EXPECT_THAT(simulate(batch).at("outdated").get<std::string>(),
              HasSubstr("what submissions are judged by is as of"));
}

// Used with what was launched since would leave no room that comes back.
TEST_F(QuestionsTest, WhatIsAllowedIsOfNowAndWhatIsTakenOfThenAlsoWhereTheQueueCantBeRead) {
  state->quotas = {{"gpu-quota", "", {{"gpus", 1}}, {}}};
  const json one_gpu = {{"resources", {{"gpus", 1}}}};
  for (const auto* id : {"a", "b", "c"}) submit(id, one_gpu);
  start("a");
  const json same = {{"key", "max_concurrent_jobs"}, {"value", "2"}};
  const auto narrow = simulate_policy(same).at("before");
  server->kill();
  state->quotas = {{"gpu-quota", "", {{"gpus", 3}}, {{"gpus", 3}}}};
  json wide = simulate_policy(same);
  while (!wide.contains("outdated") && !HasFailure()) wide = simulate_policy(same);
  server->start();
  EXPECT_EQ(wide.at("waiting"), 2);
  EXPECT_LT(wide.at("before").at("mean_wait_seconds"), narrow.at("mean_wait_seconds"));
}

TEST_F(QuestionsTest, WhoDoesNotLeadSaysSo) {
  submit("a");
  term.reset();
  EXPECT_THAT(explain("a", 503).at("error").at("message").get<std::string>(),
              HasSubstr("does not lead"));
  simulate(batch_of(json::array({job("x")})), 503);
  lead();
  explain("a");
}

}  // namespace
}  // namespace oppen::answers
