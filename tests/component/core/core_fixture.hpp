#pragma once
// The scheduler's core on a real Redis and a Kubernetes in memory, driven step by step on one thread: submit, then settle(), then look
// at the records and the events in the outbox.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "scheduler/core/attempts.hpp"
#include "scheduler/core/batches.hpp"
#include "scheduler/core/holds.hpp"
#include "scheduler/core/intake.hpp"
#include "scheduler/core/learning.hpp"
#include "scheduler/queue/lease.hpp"
#include "schemas/parse.hpp"
#include "tests/support/fake_kube.hpp"
#include "tests/support/redis_server.hpp"

namespace oppen::core {

// Stands where the test puts it.
class TestClock final : public Clock {
 public:
  Time now() const override { return now_; }
  void advance(std::chrono::milliseconds by) { now_ += by; }

 private:
  Time now_{std::chrono::hours{500'000}};
};

class CoreTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server = new runtime::RedisServer(); }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }

  void SetUp() override {
    redis = runtime::Redis::create(server->url()).value();
    ASSERT_TRUE(redis->command({"FLUSHALL"}));
    begin_term(1);
  }

  // A new leader on the same Redis and pods, as after a crash.
  void begin_term(std::int64_t epoch) {
    ++generation;
    holds.reset();
    batches.reset();
    intake.reset();
    attempts.reset();
    tasks.clear();
    ASSERT_TRUE(
        queue::Lease(*redis, "oppen.", "me", std::chrono::minutes(1)).claim(epoch, clock.now()));
    store = std::make_unique<queue::QueueStore>(*redis, "oppen.", epoch);
    ASSERT_TRUE(store->discard_stages());
    state = std::unique_ptr<State>(new State{clock, metrics, *store, kube, "ml-training", epoch});
    plan::Policy policy;
    policy.max_concurrent_jobs = 2;
    // An attempt's end is its job's, but for what a test says.
    policy.max_fault_retries = 0;
    policy.retry_hold_seconds = 0;
    policy.model_catalog["mnist"] = {
        "mnist:1", {"train"}, {}, {1, std::nullopt, "", 1000, std::int64_t{2} << 30}, 120, ""};
    state->policy = std::make_shared<const plan::Policy>(policy);
    // What an earlier leader's calls post, nobody runs.
    post = [this, mine = generation.load()](std::function<Status()> task) {
      if (mine != generation) return;
      std::lock_guard lock(mutex);
      tasks.push_back(std::move(task));
    };
    attempts = std::make_unique<Attempts>(*state, post);
    batches = std::make_unique<Batches>(
        *state, *attempts,
        std::make_unique<BatchStager>(runtime::Redis::create(server->url()).value(), "oppen.",
                                      epoch, post),
        "process-" + std::to_string(epoch), post);
    intake = std::make_unique<Intake>(*state, *attempts, *batches);
    holds = std::make_unique<Holds>(*state);
    ASSERT_TRUE(holds->load());
    ASSERT_TRUE(load_durations(*state));
    state->counters = store->counters().value();
    const auto live = store->jobs(store->live().value()).value();
    for (const auto& record : live) state->live[record->spec.job_id] = *record;
    kube::KubeEvents events;
    events.on_pod_list_begin = [this, post = post] {
      post([this]() -> Status {
        attempts->list_begins();
        return {};
      });
    };
    events.on_pod_list = [this, post = post](std::vector<kube::Pod> pods) {
      post([this, pods] { return attempts->reconcile(pods); });
    };
    events.on_pod = [this, post = post](kube::Pod pod, bool deleted) {
      post([this, pod, deleted] { return attempts->on_pod(pod, deleted); });
    };
    kube.start(events, {});
    settle();
    if (!caught_up) return;
    ASSERT_TRUE(attempts->caught_up());
    settle();
  }

  // Everything that was posted, and what can be launched then, until nothing is left.
  void settle() {
    for (;;) {
      std::deque<std::function<Status()>> now;
      {
        std::lock_guard lock(mutex);
        now.swap(tasks);
      }
      for (const auto& task : now) {
        const auto status = task();
        ASSERT_TRUE(status) << status.error().message;
      }
      for (bool done = false; !done;) {
        const auto told = holds->settle();
        ASSERT_TRUE(told) << told.error().message;
        done = *told;
      }
      const auto launched = attempts->launch_next();
      ASSERT_TRUE(launched) << launched.error().message;
      std::lock_guard lock(mutex);
      if (tasks.empty()) return;
    }
  }

  client::ConsumedRecord command(std::string_view type, const nlohmann::json& data) {
    const CloudEvent event{"id", "/test", std::string(type), clock.now(), "", data};
    return {"jobs", 0, next_offset++, clock.now(), encode(event, "key")};
  }
  // Handles it; the reason when it is to be set aside.
  std::optional<std::string> handle(const client::ConsumedRecord& record) {
    auto read = read_command(record);
    const auto verdict = intake->handle(read);
    EXPECT_TRUE(verdict) << verdict.error().message;
    return verdict ? *verdict : std::nullopt;
  }
  void submit(const std::string& job_id, nlohmann::json more = nlohmann::json::object()) {
    more["job_id"] = job_id;
    if (!more.contains("model_type")) more["model_type"] = "mnist";
    EXPECT_EQ(handle(command(JobSubmit::type, more)), std::nullopt);
    settle();
  }
  // Handles a part of a batch, and waits until the batch has its answer when `settles`.
  void send(nlohmann::json data, bool settles = true) {
    const auto before = events(data["batch_id"]).size();
    EXPECT_EQ(handle(command(BatchSubmit::type, data)), std::nullopt);
    while (settles && events(data["batch_id"]).size() == before) {
      settle();
      std::this_thread::yield();  // until the checking thread has posted
    }
    settle();
  }
  void cancel(const std::string& job_id) {
    EXPECT_EQ(handle(command(JobCancel::type,
                             {{"job_id", job_id}, {"requested_by", "ana"}, {"reason", "no"}})),
              std::nullopt);
    settle();
  }

  queue::JobRecord record(const std::string& job_id) { return store->job(job_id).value().value(); }
  JobState state_of(const std::string& job_id) { return record(job_id).state; }

  // The events of the outbox, "queued", "launched", ..., of one key; with their data.
  std::vector<std::pair<std::string, nlohmann::json>> events(const std::string& key) {
    std::vector<std::pair<std::string, nlohmann::json>> found;
    const auto entries = redis->command({"XRANGE", "{oppen.scheduler}:outbox", "-", "+"}).value();
    const auto take = [&](const std::string& text) {
      const auto entry = queue::decode_entry(text).value();
      if (entry.key == key) found.emplace_back(entry.type, nlohmann::json::parse(entry.data));
    };
    for (const auto& entry : entries.elements) {
      const auto& fields = entry.elements.at(1).elements;
      if (fields.at(0).text == "e") {
        take(fields.at(1).text);
        continue;
      }
      const auto list =
          redis->command({"LRANGE", "{oppen.scheduler}:" + fields.at(1).text, "0", "-1"}).value();
      for (const auto& text : list.elements) take(text.text);
    }
    return found;
  }
  // "job.queued job.launched ..."
  std::string story(const std::string& key) {
    std::string text;
    for (const auto& [type, data] : events(key)) {
      auto name = type.substr(std::string("dev.oppen.").size());
      name.resize(name.size() - std::string(".v1").size());
      text += (text.empty() ? "" : " ") + name;
    }
    return text;
  }
  nlohmann::json last_event(const std::string& key) { return events(key).back().second; }

  static inline runtime::RedisServer* server = nullptr;
  TestClock clock;
  runtime::Metrics metrics;
  oppen::test::FakeKube kube;
  std::atomic<int> generation{0};
  std::mutex mutex;
  std::deque<std::function<Status()>> tasks;
  Attempts::Post post;  // onto these
  std::int64_t next_offset = 0;
  std::unique_ptr<runtime::Redis> redis;
  std::unique_ptr<queue::QueueStore> store;
  std::unique_ptr<State> state;
  std::unique_ptr<Attempts> attempts;
  std::unique_ptr<Batches> batches;
  std::unique_ptr<Intake> intake;
  std::unique_ptr<Holds> holds;
  bool caught_up = true;  // the next term begins with every command handled
};

}  // namespace oppen::core
