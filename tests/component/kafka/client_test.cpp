// Proves against librdkafka's mock broker that the client library publishes what the contract says,
// refuses what the scheduler would refuse, splits a batch that is too large, and finds the answer
// to a command.
#include "producers/client/client.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "producers/client/answers.hpp"
#include "schemas/job_events.hpp"
#include "schemas/parse.hpp"
#include "tests/component/kafka/mock_kafka.hpp"

namespace oppen::client {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

JobSpec job(const std::string& id) {
  JobSpec spec;
  spec.job_id = id;
  spec.model_type = "resnet";
  return spec;
}

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    kafka_.create_topic("oppen.jobs", 1);
    kafka_.create_topic("oppen.runs", 12);
    kafka_.create_topic("oppen.job-events", 12);
    client_ = std::move(*Client::create({kafka_.settings(), "/oppen/test", 20s}));
    consumer_ = std::move(*Consumer::create(kafka_.settings(), ""));
    EXPECT_TRUE(consumer_->assign({{{"jobs", 0}, Consumer::beginning}}));
  }

  CloudEvent next_event() {
    auto record = next_record(*consumer_);
    if (!record) return {};
    last_key_ = record->record.key;
    auto event = decode(record->record);
    EXPECT_TRUE(event);
    return event ? *event : CloudEvent{};
  }

  std::int64_t published() { return consumer_->watermarks({"jobs", 0}, 10s).value().high; }
  int split_and_read(int jobs, std::size_t largest_part);

  MockKafka kafka_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Consumer> consumer_;
  std::string last_key_;
};

TEST_F(ClientTest, SubmitsAJobUnderItsId) {
  ASSERT_EQ(client_->submit(job("resnet-1")).value(), "resnet-1");
  const auto event = next_event();
  EXPECT_EQ(event.type, JobSubmit::type);
  EXPECT_EQ(event.source, "/oppen/test");
  EXPECT_EQ(event.subject, "resnet-1");
  EXPECT_FALSE(event.id.empty());
  EXPECT_GT(event.time, Time{});
  EXPECT_EQ(last_key_, "resnet-1");
  EXPECT_EQ(parse_data<JobSubmit>(event.data)->spec, job("resnet-1"));
}

TEST_F(ClientTest, MakesAnIdWhereNoneIsGiven) {
  const auto id = client_->submit(job(""));
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_EQ(next_event().subject, *id);
}

TEST_F(ClientTest, NamesEveryFaultAndPublishesNothing) {
  auto spec = job("Not A Label");
  spec.epochs = -1;
  const auto id = client_->submit(spec);
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().kind, ErrorKind::invalid);
  EXPECT_THAT(id.error().message, AllOf(HasSubstr("job_id"), HasSubstr("epochs")));
  EXPECT_FALSE(client_->cancel({"a", "b", "", ""}));
  EXPECT_FALSE(client_->amend({"a", {}, ""}));
  EXPECT_FALSE(client_->submit_batch({"b", {job("x"), job("x")}, {}}));
  EXPECT_EQ(published(), 0);
}

TEST_F(ClientTest, NumbersTheJobsOfABatch) {
  const auto ids = client_->submit_batch({"nightly", {job(""), job("own")}, {}});
  ASSERT_TRUE(ids) << ids.error().message;
  EXPECT_THAT(*ids, ElementsAre("nightly-1", "own"));
  const auto event = next_event();
  EXPECT_EQ(event.type, BatchSubmit::type);
  EXPECT_EQ(last_key_, "nightly");
  const auto batch = parse_data<BatchSubmit>(event.data);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->part, 1);
  EXPECT_EQ(batch->parts, 1);
  EXPECT_EQ(batch->jobs.size(), 2u);
}

// Submits so many jobs of 30 KB as one batch and reads its parts; returns how many there were.
int ClientTest::split_and_read(int jobs, std::size_t largest_part) {
  BatchSubmit batch{"big", {}, MicroUsd{5}};
  for (int i = 0; i < jobs; ++i) {
    auto spec = job("");
    spec.env["PADDING"] = std::string(30'000, 'x');
    batch.jobs.push_back(spec);
  }
  const auto ids = client_->submit_batch(batch);
  if (!ids) return ADD_FAILURE() << ids.error().message, 0;
  std::vector<std::string> got;
  int parts = 1;
  for (int part = 1; part <= parts; ++part) {
    const auto event = next_event();
    EXPECT_LT(event.data.dump().size(), largest_part);
    const auto read = parse_data<BatchSubmit>(event.data);
    if (!read) return ADD_FAILURE() << sentences(read.error()), 0;
    EXPECT_EQ(read->part, part);
    EXPECT_EQ(read->max_total, MicroUsd{5});
    if (part == 1) parts = read->parts;
    EXPECT_EQ(read->parts, parts);
    for (const auto& spec : read->jobs) got.push_back(spec.job_id);
  }
  EXPECT_EQ(got, *ids);
  EXPECT_EQ(published(), parts);
  return parts;
}

TEST_F(ClientTest, SplitsABatchIntoSmallParts) { EXPECT_EQ(split_and_read(100, 310'000), 12); }

TEST_F(ClientTest, SplitsAVeryLargeBatchIntoTheLargestParts) {
  EXPECT_EQ(split_and_read(1'000, 910'000), 35);
}

TEST_F(ClientTest, CancelsAndAmends) {
  ASSERT_TRUE(client_->cancel({"", "b", "me", ""}));
  JobAmend amend;
  amend.job_id = "a";
  amend.changes.priority = Priority::urgent;
  ASSERT_TRUE(client_->amend(amend));
  EXPECT_EQ(next_event().type, JobCancel::type);
  EXPECT_EQ(last_key_, "b");
  EXPECT_EQ(next_event().type, JobAmend::type);
  EXPECT_EQ(last_key_, "a");
}

TEST_F(ClientTest, ReportsProgressOnTheJobsPartition) {
  RunProgress progress;
  progress.job_id = "a";
  progress.attempt = 1;
  progress.epoch = 2;
  progress.epochs = 3;
  progress.at = Time{1s};
  const auto status = client_->report(progress);
  ASSERT_TRUE(status) << status.error().message;
  ASSERT_TRUE(consumer_->assign({{{"runs", partition_of("a", 12)}, Consumer::beginning}}));
  EXPECT_EQ(next_event().type, RunProgress::type);
  EXPECT_EQ(last_key_, "a");
}

TEST_F(ClientTest, IsUnavailableWhenTheBrokerIsAway) {
  kafka_.set_up(false);
  const auto impatient = Client::create({kafka_.settings(), "/oppen/test", 50ms});
  const auto id = (*impatient)->submit(job("resnet-1"));
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().kind, ErrorKind::unavailable);
  kafka_.set_up(true);  // so that the client need not wait for it when destroyed
}

RunProgress progress(const std::string& job_id, int epoch) {
  RunProgress report;
  report.job_id = job_id;
  report.attempt = 1;
  report.epoch = epoch;
  report.at = Time{1s};
  return report;
}

// What became of records that were handed over.
struct Fates {
  std::atomic<int> kept{0};
  std::atomic<int> lost{0};
  Client::Done note() {
    return [this](const Result<Delivery>& acknowledged) { ++(acknowledged ? kept : lost); };
  }
};

TEST_F(ClientTest, ReportsOfManyThreadsArriveOnceAndInTheOrderOfEachJob) {
  constexpr int threads = 4, each = 3'000;
  Fates fates;
  {
    std::vector<std::jthread> others;
    for (int thread = 0; thread < threads; ++thread) {
      others.emplace_back([&, thread] {
        for (int i = 0; i < each; ++i) {
          const auto handed =
              client_->report_later(progress("job-" + std::to_string(thread), i), fates.note());
          EXPECT_TRUE(handed) << handed.error().message;
        }
      });
    }
  }
  ASSERT_TRUE(client_->flush(60s));
  EXPECT_EQ(fates.kept, threads * each);
  EXPECT_EQ(fates.lost, 0);
  std::map<TopicPartition, std::int64_t> from;
  for (int partition = 0; partition < 12; ++partition)
    from[{"runs", partition}] = Consumer::beginning;
  ASSERT_TRUE(consumer_->assign(from));
  std::map<std::string, int> next;
  std::set<std::string> ids;
  for (int i = 0; i < threads * each; ++i) {
    const auto event = next_event();
    EXPECT_EQ(event.data["epoch"], next[last_key_]++) << last_key_;
    ids.insert(event.id);
  }
  EXPECT_EQ(ids.size(), std::size_t{threads * each}) << "each event has an id of its own";
}

TEST_F(ClientTest, HandsNothingWrongOver) {
  Fates fates;
  const auto handed = client_->report_later(progress("", -1), fates.note());
  ASSERT_FALSE(handed);
  EXPECT_EQ(handed.error().kind, ErrorKind::invalid);
  EXPECT_THAT(handed.error().message, AllOf(HasSubstr("job_id"), HasSubstr("epoch")));
  EXPECT_FALSE(client_->submit_later(job("Not A Label"), fates.note()));
  ASSERT_TRUE(client_->flush(20s));
  EXPECT_EQ(fates.kept + fates.lost, 0);
  EXPECT_EQ(published(), 0);
}

TEST_F(ClientTest, TellsWhatTheBrokerRefusesOfARecord) {
  std::atomic<int> told{0};
  kafka_.fail_produce(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
  ASSERT_TRUE(client_->submit_later(job("a"), [&](const auto& acknowledged) {
    EXPECT_EQ(acknowledged.error().kind, ErrorKind::refused);
    ++told;
  }));
  ASSERT_TRUE(client_->flush(20s));
  EXPECT_EQ(told, 1);
}

// Threads that hand over as fast as they can, each until it is refused; returns how many were handed over.
int report_from_threads(Client& client, int threads, int each, Fates& fates) {
  std::atomic<int> handed{0};
  {
    std::vector<std::jthread> running;
    for (int thread = 0; thread < threads; ++thread) {
      running.emplace_back([&, thread] {
        const auto job = "job-" + std::to_string(thread);
        for (int i = 0; i < each && client.report_later(progress(job, i), fates.note()); ++i)
          ++handed;
      });
    }
  }
  return handed;
}

TEST_F(ClientTest, NothingIsLostOfManyThreadsWhenTheBrokerIsAwayForAMoment) {
  constexpr int threads = 8, each = 5'000;
  Fates fates;
  const auto client = std::move(*Client::create({kafka_.settings(), "/oppen/test", 60s}));
  std::jthread outage([&] {
    for (int times = 0; times < 3; ++times) {
      const auto at = fates.kept + 2'000;
      while (fates.kept < at) std::this_thread::yield();
      kafka_.set_up(false);  // what is under way fails
      kafka_.set_up(true);
    }
  });
  EXPECT_EQ(report_from_threads(*client, threads, each, fates), threads * each);
  outage.join();
  ASSERT_TRUE(client->flush(60s));
  EXPECT_EQ(fates.kept, threads * each);
  EXPECT_EQ(fates.lost, 0);
  std::map<TopicPartition, std::int64_t> from;
  for (int partition = 0; partition < 12; ++partition)
    from[{"runs", partition}] = Consumer::beginning;
  ASSERT_TRUE(consumer_->assign(from));
  // The mock broker keeps a request's records that it could not acknowledge, and takes them again: each is there, and a job's first
  // appearances are in order.
  std::map<std::string, int> next;
  for (int there = 0; there < threads * each;) {
    const auto event = next_event();
    ASSERT_FALSE(event.id.empty());
    ASSERT_LE(event.data["epoch"], next[last_key_]) << last_key_ << ": something is missing";
    if (event.data["epoch"] < next[last_key_]) continue;
    ++next[last_key_];
    ++there;
  }
}

TEST_F(ClientTest, ThatIsDestroyedTellsOfEachRecordOnceThoughManyThreadsHaveJustWaited) {
  kafka_.set_up(false);
  Fates fates;
  int handed = 0;
  {
    const auto client = std::move(*Client::create({kafka_.settings(), "/oppen/test", 100ms}));
    handed = report_from_threads(*client, 8, 400, fates);
    EXPECT_LT(handed, 8 * 400) << "there was no more room";
  }
  EXPECT_GT(handed, 0);
  EXPECT_EQ(fates.lost, handed);
  EXPECT_EQ(fates.kept, 0);
  kafka_.set_up(true);
}

TEST_F(ClientTest, WaitsForItsOwnThreadWhenThatIsSlow) {
  constexpr int more_than_it_takes = 20'000;
  std::mutex blocking;
  std::atomic<int> told{0};
  const auto client = std::move(*Client::create({kafka_.settings(), "/oppen/test", 500ms}));
  int handed = 0;
  std::string error;
  {
    const std::lock_guard lock(blocking);
    for (; handed < more_than_it_takes && error.empty(); ++handed) {
      const auto sent = client->report_later(progress("a", handed), [&](const auto&) {
        const std::lock_guard also(blocking);
        ++told;
      });
      if (!sent) error = sent.error().message;
    }
    --handed;  // the last was refused
  }
  EXPECT_THAT(error, HasSubstr("there is no room for the record"));
  EXPECT_GE(handed, 1'000);
  ASSERT_TRUE(client->flush(60s));
  EXPECT_EQ(told, handed);
  EXPECT_TRUE(client->report_later(progress("a", handed), [](const auto&) {}));
}

TEST_F(ClientTest, WhatIsFlushedDoesNotLinger) {
  auto settings = kafka_.settings();
  settings.properties["linger.ms"] = "50000";
  Fates fates;
  const auto client = std::move(*Client::create({settings, "/oppen/test", 20s}));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client->report_later(progress("a", i), fates.note()));
  ASSERT_TRUE(client->flush(20s));
  EXPECT_EQ(fates.kept, 3);
}

class FullQueueTest : public ClientTest {
 protected:
  static constexpr int room = 100;

  std::unique_ptr<Client> a_client(std::chrono::milliseconds deadline) {
    auto settings = kafka_.settings();
    settings.properties["queue.buffering.max.messages"] = std::to_string(room);
    return std::move(*Client::create({settings, "/oppen/test", deadline}));
  }
};

TEST_F(FullQueueTest, IsWaitedFor) {
  Fates fates;
  const auto client = a_client(60s);
  for (int i = 0; i < 20 * room; ++i)
    ASSERT_TRUE(client->report_later(progress("a", i), fates.note()));
  ASSERT_TRUE(client->flush(60s));
  EXPECT_EQ(fates.kept, 20 * room);
  ASSERT_TRUE(consumer_->assign({{{"runs", partition_of("a", 12)}, Consumer::beginning}}));
  for (int i = 0; i < 20 * room; ++i) EXPECT_EQ(next_event().data["epoch"], i);
}

TEST_F(FullQueueTest, IsAnErrorWhenThereIsNoRoomInTime) {
  kafka_.set_up(false);
  Fates fates;
  {
    const auto client = a_client(200ms);
    for (int i = 0; i < room; ++i)
      ASSERT_TRUE(client->report_later(progress("a", i), fates.note()));
    const auto one_more = client->report_later(progress("a", room), fates.note());
    ASSERT_FALSE(one_more);
    EXPECT_EQ(one_more.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(one_more.error().message, HasSubstr("queue.buffering.max"));
    EXPECT_EQ(client->flush(1ms).error().kind, ErrorKind::unavailable);
  }
  EXPECT_EQ(fates.lost, room) << "each is told of, when the client goes";
  EXPECT_EQ(fates.kept, 0);
  kafka_.set_up(true);
}

TEST_F(FullQueueTest, IsNotWaitedForByItsOwnThread) {
  const auto client = a_client(60s);
  Fates fates;
  std::atomic<int> refused{0};
  // Until its thread has called back, everything is unacknowledged.
  for (int i = 0; i < room; ++i) {
    ASSERT_TRUE(client->report_later(progress("a", i), [&](const auto&) {
      for (int more = 0; more < 3; ++more)
        refused += client->report_later(progress("b", more), fates.note()) ? 0 : 1;
    }));
  }
  ASSERT_TRUE(client->flush(60s));
  EXPECT_EQ(refused + fates.kept, 3 * room);
  EXPECT_GT(refused, 0);
}

class AnswersTest : public ClientTest {
 protected:
  AnswersTest() {
    producer_ = std::move(*Producer::create(kafka_.settings(), {"job-events"}));
    answers_ = std::move(*Answers::create(kafka_.settings()));
  }

  void say(std::string_view type, const std::string& job_id, const std::string& id) {
    const CloudEvent event{id,     "/oppen/scheduler",  std::string(type), Time{1s},
                           job_id, {{"job_id", job_id}}};
    ASSERT_TRUE(producer_->send_and_wait("job-events", encode(event, job_id), 20s));
  }

  static bool is_queued(const CloudEvent& event) { return event.type == JobQueued::type; }

  std::unique_ptr<Producer> producer_;
  std::unique_ptr<Answers> answers_;
};

TEST_F(AnswersTest, AreFoundAfterThePlaceRememberedBeforeTheCommand) {
  say(JobQueued::type, "a", "of an earlier submission");
  auto from = answers_->prepare("a", 10s);
  ASSERT_TRUE(from) << from.error().message;
  ASSERT_TRUE(producer_->send_and_wait("job-events", {"a", "not JSON", {}}, 20s, from->partition));
  say(JobStarted::type, "a", "of another type");
  say(JobQueued::type, "a", "the answer");
  say(JobQueued::type, "a", "the next");
  EXPECT_EQ(answers_->wait("a", *from, is_queued, 20s).value().id, "the answer");
  EXPECT_EQ(answers_->wait("a", *from, is_queued, 20s).value().id, "the next");
}

TEST_F(AnswersTest, AreFoundFromTheBeginning) {
  say(JobQueued::type, "a", "long ago");
  auto from = answers_->from_beginning("a", 10s);
  ASSERT_TRUE(from);
  EXPECT_EQ(answers_->wait("a", *from, is_queued, 20s).value().id, "long ago");
}

TEST_F(AnswersTest, ThatDoNotComeAreSaidToBeMissing) {
  auto from = answers_->prepare("a", 10s);
  ASSERT_TRUE(from);
  const auto event = answers_->wait("a", *from, is_queued, 50ms);
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(event.error().message, HasSubstr("scheduler"));
}

class WaitTest : public AnswersTest {
 protected:
  void say(const std::string& key, std::string_view type, nlohmann::json data) {
    CloudEvent event;
    event.id = "some";
    event.source = "/oppen/scheduler";
    event.type = std::string(type);
    event.data = std::move(data);
    event.time = {};
    ASSERT_TRUE(producer_->send_and_wait("job-events", encode(event, key), 20s));
  }
};

TEST_F(WaitTest, ReturnsWhatEndsAJob) {
  say("a", JobQueued::type, {{"seq", 1}});
  ASSERT_TRUE(producer_->send_and_wait("job-events", {"a", "not JSON", {}}, 20s));
  say("a", JobSucceeded::type, {{"seq", 4}, {"state", "succeeded"}});
  const auto outcome = client_->wait("a", 20s);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->data["state"], "succeeded");
}

TEST_F(WaitTest, HearsWhatComesWhileItWaits) {
  EXPECT_EQ(client_->wait("a", 1ms).error().kind, ErrorKind::unavailable);
  std::jthread other([&] { EXPECT_EQ(client_->wait("b", 20s).value().type, JobRejected::type); });
  std::jthread later([&] {
    say("a", JobQueued::type, {{"seq", 1}});
    say("b", JobRejected::type, {{"seq", 1}});
    say("a", JobFailed::type, {{"seq", 4}});
  });
  EXPECT_EQ(client_->wait("a", 20s).value().type, JobFailed::type);
}

TEST_F(WaitTest, WhatIsNoEventOfAJobIsPassedOver) {
  say("a", JobSucceeded::type, 5);
  ASSERT_TRUE(producer_->send_and_wait("job-events", {"a", std::nullopt, {}}, 20s));
  say("a", JobFailed::type, {{"seq", 4}});
  const auto outcome = client_->wait("a", 20s);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->type, JobFailed::type);
  EXPECT_NE(outcome->time, Time{}) << "its record's";
}

TEST_F(WaitTest, OfOneThatIsSubmittedAgainPassesOverTheRejectionBefore) {
  ASSERT_TRUE(client_->submit(job("a")));
  ASSERT_TRUE(client_->submit(job("a")));
  say("a", JobRejected::type, {{"seq", 1}, {"source_offset", 0}});
  EXPECT_THAT(client_->wait("a", 3s).error().message, HasSubstr("no outcome of a"))
      << "it is of the command before";
  say("a", JobRejected::type, {{"seq", 2}, {"source_offset", 1}});
  EXPECT_EQ(client_->wait("a", 20s).value().data["seq"], 2);
}

TEST_F(WaitTest, OfOneSubmittedLaterPassesOverTheRejectionBefore) {
  Fates fates;
  say("a", JobRejected::type, {{"seq", 1}, {"source_offset", 0}});
  ASSERT_TRUE(client_->submit_later(job("x"), fates.note()));
  ASSERT_EQ(client_->submit_later(job("a"), fates.note()).value(), "a");
  ASSERT_TRUE(client_->flush(20s));
  EXPECT_EQ(fates.kept, 2);
  EXPECT_THAT(client_->wait("a", 3s).error().message, HasSubstr("no outcome of a"));
}

TEST_F(WaitTest, ForManyReadsTheLogOnce) {
  std::vector<std::string> ids;
  for (int i = 0; i < 50; ++i) {
    ids.push_back("job-" + std::to_string(i));
    say(ids.back(), i % 2 == 0 ? JobSucceeded::type : JobRejected::type, {{"seq", 1}});
  }
  const auto outcomes = client_->wait_all(ids, 20s);
  ASSERT_TRUE(outcomes) << outcomes.error().message;
  ASSERT_EQ(outcomes->size(), 50U);
  EXPECT_EQ(outcomes->at("job-7").type, JobRejected::type);
  EXPECT_EQ(outcomes->at("job-8").type, JobSucceeded::type);
  EXPECT_EQ(client_->wait_all({}, 20s).value().size(), 0U);
}

TEST_F(WaitTest, NamesWhatHasNoOutcome) {
  say("a", JobSucceeded::type, {{"seq", 1}});
  const auto outcomes = client_->wait_all({"a", "b", "c"}, 3s);
  ASSERT_FALSE(outcomes);
  EXPECT_EQ(outcomes.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(outcomes.error().message, HasSubstr("no outcome of b, c within 3000 ms"));
}

}  // namespace
}  // namespace oppen::client
