// The scripts of the queue, on a real Redis: a commit is whole or nothing, an offset counts once, an old leader and a stale version are
// refused, the sums follow the records, and a batch appears in one step, or leaves nothing behind.
#include "tests/component/queue/store_fixture.hpp"

namespace oppen::queue {
namespace {

std::vector<std::string> ids(const std::vector<JobRecord>& records) {
  std::vector<std::string> names;
  for (const auto& record : records) names.push_back(record.spec.job_id);
  return names;
}

TEST_F(StoreTest, ACommitIsRecordOrderSumsEventAndOffsetAtOnce) {
  queue_job("a", Priority::normal, 7);
  const auto stored = store->job("a").value();
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->version, 1);
  EXPECT_EQ(store->meta("next:jobs").value(), "8");
  EXPECT_EQ(outbox(), 1);
  const auto counters = store->counters().value();
  EXPECT_EQ(counters.queued[1], 1);
  EXPECT_EQ(counters.pending_cost[1].value, 20'500);
  EXPECT_EQ(counters.pending_seconds[1], 240);
}

TEST_F(StoreTest, WhatIsLearnedIsStoredWithTheRestAndForgotten) {
  using Cells = std::vector<std::pair<std::string, std::string>>;
  auto record = queue_job("a", Priority::normal, 7);
  ASSERT_TRUE(store->commit(Changes().put(record).duration("mnist", "1").duration("mnist", "2")));
  EXPECT_EQ(store->durations().value(), (Cells{{"mnist", "2"}}));
  auto stale = record;
  stale.version -= 1;
  ASSERT_FALSE(store->commit(Changes().duration("mnist", "3").put(stale)));
  EXPECT_EQ(store->durations().value(), (Cells{{"mnist", "2"}}));
  ASSERT_TRUE(store->commit(Changes().duration("mnist", "")));
  EXPECT_TRUE(store->durations().value().empty());
}

// Two that decide at once on the same room: whatever they believe, the script lets only one of them have it.
TEST_F(StoreTest, TwoLaunchesCannotBothTakeTheLastOfABudget) {
  const auto launch = [&](QueueStore& by, JobRecord record, const std::string& team,
                          const std::string& project) {
    record.state = JobState::launching;
    return by.commit(Changes().within(team, project, 30'000).put(record));
  };
  auto first = job("a", Priority::normal, 7);
  auto second = job("b", Priority::normal, 8);
  for (auto* record : {&first, &second}) {
    record->spec.team = "vision";
    ASSERT_TRUE(store->commit(Changes().put(*record)));
  }
  second.spec.project = "ocr";
  const auto other_redis = runtime::Redis::create(server->url()).value();
  QueueStore other(*other_redis, "oppen.", 5);
  const auto taken = launch(*store, first, "vision", "");
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(taken->counters.committed.at("vision -").value, 20'500);
  const auto refused = launch(other, second, "vision", "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_EQ(other.job("b").value()->state, JobState::queued);
  EXPECT_FALSE(launch(other, second, "", ""));  // the budget of all
  EXPECT_TRUE(launch(other, second, "vision", "ocr"));
  EXPECT_EQ(other.counters().value().committed.at("vision ocr").value, 20'500);

  // Once it has ended nothing is left of it.
  auto ended = store->job("a").value().value();
  ended.state = JobState::succeeded;
  ended.ended_at = Time{std::chrono::hours(1)};
  const auto after = store->commit(Changes().put(ended));
  ASSERT_TRUE(after);
  EXPECT_FALSE(after->counters.committed.contains("vision -"));
}

TEST_F(StoreTest, AnOffsetCountsOnce) {
  queue_job("a", Priority::normal, 7);
  auto again = job("b", Priority::normal, 7);
  const auto committed = store->commit(Changes().cause("jobs", 7).put(again).event(event("b")));
  ASSERT_TRUE(committed);
  EXPECT_TRUE(committed->already_applied);
  EXPECT_FALSE(store->job("b").value());
  EXPECT_EQ(outbox(), 1);
}

TEST_F(StoreTest, AStaleVersionChangesNothingOfTheCommit) {
  auto first = queue_job("a", Priority::normal, 7);
  auto stale = first;
  first.state = JobState::launching;
  ASSERT_TRUE(store->commit(Changes().put(first)));

  auto other = job("b", Priority::normal, 8);
  stale.state = JobState::cancelled;
  const auto refused =
      store->commit(Changes().cause("jobs", 8).put(other).put(stale).event(event("b")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_FALSE(store->job("b").value());
  EXPECT_EQ(store->meta("next:jobs").value(), "8");
  EXPECT_EQ(outbox(), 1);
}

TEST_F(StoreTest, OneCommitMayWriteARecordTwice) {
  auto record = queue_job("a", Priority::normal, 7);
  Changes changes;
  record.state = JobState::launching;
  changes.put(record);
  record.state = JobState::running;
  changes.put(record);
  const auto committed = store->commit(changes);
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(store->job("a").value()->version, 3);
  EXPECT_EQ(committed->counters.usage_total().pods, 1);
  EXPECT_EQ(committed->counters.queued_total(), 0);
}

// As the stager tells them to claim_jobs and publish_batch.
StagedBatch of(const std::vector<StagedJob>& staged) {
  StagedBatch batch;
  for (const auto& [record, event] : staged) batch.add(record);
  return batch;
}

TEST_F(StoreTest, AnOldLeaderIsFencedInEveryWrite) {
  ASSERT_TRUE(Lease(*redis, "oppen.", "other", std::chrono::seconds(3)).claim(6, Time{}));
  auto record = job("a", Priority::normal, 7);
  const auto refused = store->commit(Changes().cause("jobs", 7).put(record).event(event("a")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::fenced);
  EXPECT_EQ(store->stage("batch", true, {{record, event("a")}}).error().kind, ErrorKind::fenced);
  const auto batch = of({{record, event("a")}});
  EXPECT_EQ(store->claim_jobs("batch", Slices(batch, 1).next()).error().kind, ErrorKind::fenced);
  EXPECT_EQ(store->publish_batch("batch", "{}", event("batch"), 1, batch).error().kind,
            ErrorKind::fenced);
  EXPECT_EQ(store->discard_some("batch").error().kind, ErrorKind::fenced);
  EXPECT_EQ(outbox(), 0);
  EXPECT_FALSE(store->job("a").value());
}

TEST_F(StoreTest, ARestartedRedisEndsTheStore) {
  queue_job("a", Priority::normal, 7);
  server->kill();
  server->start();
  const auto refused = store->counters();
  ASSERT_FALSE(refused);
  const auto again = refused.error().kind == ErrorKind::unavailable ? store->counters() : refused;
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::fenced);
}

TEST_F(StoreTest, HeadsComeByPriorityAndPlace) {
  queue_job("late", Priority::normal, 9);
  queue_job("low", Priority::background, 10);
  queue_job("high", Priority::urgent, 11);
  auto early = job("early", Priority::normal, 3);
  ASSERT_TRUE(store->commit(Changes().put(early)));  // one that came back to its place
  const auto heads = store->heads(10).value();
  EXPECT_EQ(ids(heads.by_priority[0]), (std::vector<std::string>{"high"}));
  EXPECT_EQ(ids(heads.by_priority[1]), (std::vector<std::string>{"early", "late"}));
  EXPECT_EQ(ids(heads.by_priority[2]), (std::vector<std::string>{"low"}));
  EXPECT_EQ(ids(store->heads(1).value().by_priority[1]), (std::vector<std::string>{"early"}));
  const auto two = store->heads(10, false, 2).value();
  EXPECT_EQ(ids(two.by_priority[0]), (std::vector<std::string>{"high"}));
  EXPECT_EQ(ids(two.by_priority[1]), (std::vector<std::string>{"early"}));
  EXPECT_TRUE(two.by_priority[2].empty());
}

// Through a whole life, and back to the queue: the sums are those of the records at each step.
TEST_F(StoreTest, TheSumsFollowTheRecords) {
  auto record = queue_job("a", Priority::background, 7);
  const auto move_to = [&](JobState state) {
    record.state = state;
    if (is_terminal(state)) record.ended_at = Time{std::chrono::hours{1}};
    return store->commit(Changes().put(record)).value().counters;
  };
  for (const auto state : {JobState::launching, JobState::running, JobState::cancelling}) {
    const auto counters = move_to(state);
    EXPECT_EQ(counters.queued_total(), 0);
    EXPECT_EQ(counters.pending_cost[2].value, 0);
    EXPECT_EQ(counters.usage[2], (plan::Amounts{1, 1, 1000, std::int64_t{2} << 30}));
    EXPECT_EQ(counters.jobs.at(state), 1);
    EXPECT_EQ(store->live().value(), (std::vector<std::string>{"a"}));
  }
  auto counters = move_to(JobState::queued);
  EXPECT_EQ(counters.usage_total(), plan::Amounts{});
  EXPECT_EQ(counters.queued[2], 1);
  EXPECT_TRUE(store->live().value().empty());
  EXPECT_EQ(ids(store->heads(5).value().by_priority[2]), (std::vector<std::string>{"a"}));

  counters = move_to(JobState::cancelled);
  EXPECT_EQ(counters.queued_total(), 0);
  EXPECT_EQ(counters.jobs.at(JobState::cancelled), 1);
  EXPECT_TRUE(store->heads(5).value().by_priority[2].empty());
  EXPECT_GT(redis->command({"PTTL", "{oppen.scheduler}:job:a"}).value().integer, 0);
}

std::vector<StagedJob> staged(const std::vector<std::string>& names) {
  std::vector<StagedJob> jobs;
  for (const auto& name : names) {
    JobRecord record;
    record.spec.job_id = name;
    record.spec.model_type = "mnist";
    record.version = 1;
    record.place = place_of(20, static_cast<int>(jobs.size()));
    record.estimated_cost = {10};
    record.estimated_seconds = 1;
    jobs.push_back({record, {"job-events", name, "type", name + "/1", Time{}, "{}"}});
  }
  return jobs;
}

TEST_F(StoreTest, ABatchAppearsInOneStep) {
  std::vector<std::string> names;
  for (int i = 0; i < 2'500; ++i) names.push_back("j" + std::to_string(i));
  ASSERT_TRUE(store->stage("batch", true, staged(names)));
  EXPECT_FALSE(store->job("j0").value());
  EXPECT_EQ(store->counters().value().queued_total(), 0);

  auto batch = of(staged(names));
  EXPECT_TRUE(claim("batch", batch).empty());
  EXPECT_TRUE(store->job("j2499").value()) << "its id is taken";
  EXPECT_EQ(store->counters().value().queued_total(), 0);
  EXPECT_TRUE(store->heads(3).value().by_priority[1].empty());
  EXPECT_EQ(outbox(), 0);

  const auto published =
      store->publish_batch("batch", "{\"state\":\"queued\"}", event("batch"), 1, batch);
  ASSERT_TRUE(published);
  EXPECT_EQ(published->counters.queued[1], 2'500);
  EXPECT_EQ(published->counters.pending_cost[1].value, 25'000);
  EXPECT_EQ(ids(store->heads(3).value().by_priority[1]),
            (std::vector<std::string>{"j0", "j1", "j2"}));
  EXPECT_EQ(outbox(), 2);  // the list of its jobs' events, then its own
  EXPECT_EQ(redis->command({"PTTL", "{oppen.scheduler}:job:j0"}).value().integer, -1);
  EXPECT_EQ(redis->command({"LLEN", "{oppen.scheduler}:stage-events:batch"}).value().integer,
            2'500);
  EXPECT_EQ(stage_keys(), 1U);
}

TEST_F(StoreTest, ABatchWithAnExistingJobLeavesNothingBehind) {
  queue_job("b", Priority::normal, 7);
  ASSERT_TRUE(store->stage("batch", true, staged({"a", "b", "c"})));
  auto batch = of(staged({"a", "b", "c"}));
  const auto existing = claim("batch", batch);
  ASSERT_EQ(existing.size(), 1U);
  EXPECT_EQ(existing[0].id, "b");
  EXPECT_EQ(index_of(existing[0].place), 1);
  EXPECT_EQ(store->publish_batch("batch", "{}", event("batch"), 1, batch).error().kind,
            ErrorKind::conflict);
  ASSERT_TRUE(store->discard_stage("batch"));
  EXPECT_FALSE(store->job("a").value());
  EXPECT_FALSE(store->job("c").value());
  EXPECT_EQ(offset_of(store->job("b").value()->place), 7);
  EXPECT_EQ(store->counters().value().queued[1], 1);
  EXPECT_EQ(stage_keys(), 0U);
}

// In whatever step the leader died: the next one takes back what was done, and begins the batch again.
TEST_F(StoreTest, WhatALeaderLeavesOfABatchIsTakenBack) {
  std::vector<std::string> names;
  for (int i = 0; i < 600; ++i) names.push_back("j" + std::to_string(i));
  ASSERT_TRUE(store->commit(Changes().open_batch("batch")));
  queue_job("before", Priority::normal, 7);
  for (int died_after = 0; died_after <= 5; ++died_after) {
    ASSERT_TRUE(store->stage("batch", true, staged(names)));
    const auto batch = of(staged(names));
    Slices slices(batch, 250);
    for (int step = 0; step < std::min(died_after, 3); ++step)
      ASSERT_TRUE(store->claim_jobs("batch", slices.next()));
    for (int step = 3; step < died_after; ++step) ASSERT_TRUE(store->discard_some("batch"));

    ASSERT_TRUE(Lease(*redis, "oppen.", "next", std::chrono::seconds(3)).claim(6 + died_after, {}));
    store = std::make_unique<QueueStore>(*redis, "oppen.", 6 + died_after);
    ASSERT_TRUE(store->discard_stages());
    EXPECT_EQ(stage_keys(), 0U) << died_after;
    EXPECT_EQ(redis->command({"KEYS", "*:job:*"}).value().elements.size(), 1U) << died_after;
  }
  ASSERT_TRUE(store->stage("batch", true, staged(names)));
  const auto published = claim_and_publish("batch", of(staged(names)));
  ASSERT_TRUE(published);
  EXPECT_EQ(published->counters.queued[1], 601);
}

TEST_F(StoreTest, WhatIsDiscardedAfterABatchWasPublishedLeavesItsJobsAlone) {
  ASSERT_TRUE(store->commit(Changes().open_batch("batch")));
  ASSERT_TRUE(store->stage("batch", true, staged({"a", "b"})));
  ASSERT_TRUE(claim_and_publish("batch", of(staged({"a", "b"}))));
  ASSERT_TRUE(store->discard_stages());
  EXPECT_EQ(redis->command({"LLEN", "{oppen.scheduler}:stage-events:batch"}).value().integer, 2)
      << "their events are still to be told";
  ASSERT_TRUE(store->discard_stage("batch"));
  EXPECT_EQ(ids(store->heads(3).value().by_priority[1]), (std::vector<std::string>{"a", "b"}));
}

TEST_F(StoreTest, ABatchOfWhichRedisHasForgottenAClaimIsNotPublished) {
  ASSERT_TRUE(store->stage("batch", true, staged({"a", "b", "c"})));
  const auto batch = of(staged({"a", "b", "c"}));
  Slices slices(batch, 2);
  ASSERT_TRUE(store->claim_jobs("batch", slices.next()));
  EXPECT_EQ(store->publish_batch("batch", "{}", event("batch"), 1, batch).error().kind,
            ErrorKind::conflict);
  EXPECT_EQ(store->counters().value().queued_total(), 0);
  EXPECT_EQ(outbox(), 0);
}

TEST_F(StoreTest, EachPriorityOfABatchGetsItsOrderAndSums) {
  auto jobs = staged({"a", "b", "c", "d"});
  jobs[0].record.priority = jobs[2].record.priority = Priority::background;
  jobs[3].record.priority = Priority::urgent;
  ASSERT_TRUE(store->stage("batch", true, jobs));
  const auto counters = claim_and_publish("batch", of(jobs)).value().counters;
  const auto heads = store->heads(3).value();
  EXPECT_EQ(ids(heads.by_priority[0]), (std::vector<std::string>{"d"}));
  EXPECT_EQ(ids(heads.by_priority[1]), (std::vector<std::string>{"b"}));
  EXPECT_EQ(ids(heads.by_priority[2]), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(counters.queued[2], 2);
  EXPECT_EQ(counters.pending_cost[2].value, 20);
  EXPECT_EQ(counters.pending_seconds[2], 2);
}

TEST_F(StoreTest, ABatchOfWhichSomeJobsAreTheirOwnAlreadyIsCompleted) {
  // As after Redis forgot that the batch was published, of which two events were on the bus: they stand in their places.
  auto jobs = staged({"a", "b", "c", "d"});
  for (const auto i : {0U, 1U, 2U}) jobs[i].record.spec.user = "kim";
  for (const auto* id : {"a", "c"}) {
    auto record = jobs[id == std::string("a") ? 0 : 2].record;
    record.version = 0;
    ASSERT_TRUE(store->commit(Changes().put(record)));
  }
  ASSERT_TRUE(store->stage("batch", true, jobs));
  const auto published = claim_and_publish("batch", of(jobs));
  ASSERT_TRUE(published);
  EXPECT_EQ(published->counters.queued[1], 4);
  EXPECT_EQ(published->counters.pending_cost[1].value, 40);
  EXPECT_EQ(published->counters.pending_seconds[1], 4);
  EXPECT_EQ(store->open_jobs({"kim", "", "nobody"}).value(), (std::vector<std::int64_t>{3, 1, 0}));
  EXPECT_EQ(ids(store->heads(9).value().by_priority[1]),
            (std::vector<std::string>{"a", "b", "c", "d"}));
  // Their events are not told again: only the others' are.
  const auto list =
      redis->command({"LRANGE", "{oppen.scheduler}:stage-events:batch", "0", "-1"}).value();
  std::vector<std::string> told;
  for (const auto& text : list.elements) told.push_back(decode_entry(text.text).value().key);
  EXPECT_EQ(told, (std::vector<std::string>{"b", "d"}));
  EXPECT_EQ(redis->command({"KEYS", "*stage:*"}).value().elements.size(), 0U);
}

TEST_F(StoreTest, ABatchThatIsNotStagedWholeChangesNothing) {
  ASSERT_TRUE(store->stage("batch", true, staged({"a", "b"})));
  ASSERT_TRUE(redis->command({"RPOP", "{oppen.scheduler}:stage-events:batch"}));
  EXPECT_EQ(claim_and_publish("batch", of(staged({"a", "b"}))).error().kind, ErrorKind::conflict);
  EXPECT_EQ(store->counters().value().queued_total(), 0);
  EXPECT_EQ(outbox(), 0);
}

TEST_F(StoreTest, StagingAgainReplacesTheFirstTry) {
  ASSERT_TRUE(store->stage("batch", true, staged({"a", "b"})));
  ASSERT_TRUE(store->stage("batch", true, staged({"a"})));
  ASSERT_TRUE(store->stage("batch", false, staged({"b"})));
  EXPECT_EQ(redis->command({"LLEN", "{oppen.scheduler}:stage-events:batch"}).value().integer, 2);
}

}  // namespace
}  // namespace oppen::queue
