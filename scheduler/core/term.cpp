#include "scheduler/core/term.hpp"

#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "scheduler/core/auditor.hpp"
#include "scheduler/core/budget_gate.hpp"
#include "scheduler/core/budgets.hpp"
#include "scheduler/core/control_reader.hpp"
#include "scheduler/core/events.hpp"
#include "scheduler/core/first_record.hpp"
#include "scheduler/core/heal.hpp"
#include "scheduler/core/holds.hpp"
#include "scheduler/core/intake.hpp"
#include "scheduler/core/kafka_deadline.hpp"
#include "scheduler/core/learning.hpp"
#include "scheduler/core/log_check.hpp"
#include "scheduler/core/mailbox.hpp"
#include "scheduler/core/observed_nodes.hpp"
#include "scheduler/core/policies.hpp"
#include "scheduler/queue/lease.hpp"
#include "scheduler/queue/outbox_relay.hpp"
#include "schemas/control.hpp"
#include "workers/runtime/dead_letter.hpp"
#include "workers/runtime/log.hpp"
#include "workers/runtime/memory.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using client::Consumer;
using client::TopicPartition;
using queue::Lease;
using queue::QueueStore;
using runtime::Redis;
using SteadyClock = std::chrono::steady_clock;

constexpr auto trim_interval = 5s;
constexpr auto tick_interval = 500ms;
constexpr int most_quiet_ticks = 10;
constexpr auto consumer_group = "oppen-scheduler";

// Sleeps; false when stopped.
bool pause(std::chrono::milliseconds duration, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

// Until the lease is ours. ok without it after `stop`.
Status wait_for_lease(Lease& lease, runtime::Health& health, std::chrono::milliseconds ttl,
                      std::stop_token stop) {
  bool said = false;
  while (!stop.stop_requested()) {
    const auto held = lease.hold();
    health.set("redis", held ? Status() : fail(held.error()));
    if (!held) return fail(held.error());
    health.beat();
    if (*held) return {};
    health.set("leadership", {});
    if (!std::exchange(said, true)) spdlog::info("standing by: another scheduler leads");
    pause(ttl / 8, stop);
  }
  return {};
}

// Publishes the claim; its offset is the epoch.
Result<std::int64_t> claim_epoch(client::Producer& producer, const std::string& instance,
                                 Time now) {
  CloudEvent event;
  event.id = "leader/" + instance + "/" + to_rfc3339(now);
  event.source = "/oppen/scheduler";
  event.type = LeaderClaimed::type;
  event.time = now;
  event.subject = instance;
  event.data = to_data(LeaderClaimed{instance});
  const auto delivery =
      producer.send_and_wait(topics::control, encode(event, "scheduler"), kafka_deadline);
  if (!delivery)
    return fail(delivery.error().in_context("claiming leadership in the topic control"));
  return delivery->offset;
}

// Renews the lease until destroyed; `lost` is called once when it can't.
class LeaseKeeper {
 public:
  LeaseKeeper(const TermOptions& options, std::unique_ptr<Redis> redis,
              std::function<void(Error)> lost)
      : redis_(std::move(redis)),
        lease_(*redis_, options.kafka.topic_prefix, options.instance, options.lease_ttl),
        thread_([this, ttl = options.lease_ttl, lost = std::move(lost)](std::stop_token stop) {
          auto renewed = SteadyClock::now();
          while (pause(ttl / 6, stop)) {
            const auto held = lease_.hold();
            if (held && *held) {
              renewed = SteadyClock::now();
            } else if (held || SteadyClock::now() - renewed > ttl) {
              lost(held ? Error{ErrorKind::fenced, "another scheduler took the lease"}
                        : held.error());
              return;
            }
          }
        }) {}

 private:
  std::unique_ptr<Redis> redis_;
  Lease lease_;
  std::jthread thread_;
};

// Reads `jobs` into the mailbox. Asks the broker how far the log reaches on a thread of its own: the
// answer waits behind the fetch that is pending on the connection (100 ms), and records must not.
class Reader {
 public:
  Reader(std::unique_ptr<Consumer> consumer, const std::string& topic_prefix, Mailbox& mailbox,
         runtime::Health& health, runtime::Metrics& metrics, std::atomic<bool>& answers)
      : answers_(answers),
        consumer_(std::move(consumer)),
        lag_(metrics.gauge("oppen_consumer_lag", "Records of the topic that are not handled yet",
                           {{"topic", topic_prefix + std::string(topics::jobs)}})),
        asking_([this, &health](std::stop_token stop) { ask(health, stop); }),
        reading_([this, &mailbox](std::stop_token stop) { read(mailbox, stop); }) {}
  ~Reader() {
    asking_.request_stop();
    reading_.request_stop();
    consumer_->wake();
  }

  // The core has handled everything before this offset. Any thread.
  void handled(std::int64_t next) { handled_ = next; }

 private:
  void read(Mailbox& mailbox, std::stop_token stop) {
    auto told = SteadyClock::now();
    std::int64_t committed = -1;
    while (!stop.stop_requested()) {
      auto record = consumer_->poll(500ms);
      if (!record) {
        // That no broker is there is found by ask(), too.
        if (record.error().kind == ErrorKind::unavailable) continue;
        mailbox.post([error = record.error()]() -> Status { return fail(error); });
        return;
      }
      if (*record && !mailbox.push(read(std::move(**record)), stop)) return;
      if (SteadyClock::now() - told < 1s) continue;
      told = SteadyClock::now();
      if (committed != handled_) consumer_->commit_info(jobs_, committed = handled_);
    }
  }

  // The first of a term is left to the core, which counts it before anything is done with it; so is what comes until then.
  Command read(client::ConsumedRecord record) {
    if (first_ < 0) first_ = record.offset;
    if (handled_ > first_) return read_command(std::move(record));
    Command unread;
    unread.record = std::move(record);
    return unread;
  }

  void ask(runtime::Health& health, std::stop_token stop) {
    runtime::Recurring trouble;
    do {
      const auto marks = consumer_->watermarks(jobs_, 1s);
      health.set("kafka", marks ? Status() : fail(marks.error()));
      answers_ = marks.has_value();
      if (marks) {
        if (trouble.end()) spdlog::info("Kafka answers again");
        lag_.set(static_cast<double>(marks->high - handled_));
      } else if (trouble.begin_or_due()) {
        spdlog::warn("Kafka does not answer: {}", marks.error().message);
      }
    } while (pause(1s, stop));
  }

  std::atomic<bool>& answers_;  // whether Kafka does
  const TopicPartition jobs_{std::string(topics::jobs), 0};
  std::unique_ptr<Consumer> consumer_;
  runtime::Gauge& lag_;
  std::atomic<std::int64_t> handled_{0};
  std::int64_t first_ = -1;  // offset of the first record of the term
  std::jthread asking_;
  std::jthread reading_;
};

Attempts::Post post_to(std::shared_ptr<Mailbox> mailbox) {
  return [mailbox = std::move(mailbox)](Mailbox::Task task) { mailbox->post(std::move(task)); };
}

// The leader at work: its parts, and the loop that drives them.
class Leader {
 public:
  Leader(const TermServices& services, const TermOptions& options, std::shared_ptr<Mailbox> mailbox,
         State& state, std::unique_ptr<BatchStager> stager)
      : services_(services),
        mailbox_(std::move(mailbox)),
        state_(state),
        attempts_(state, post_to(mailbox_)),
        batches_(state, attempts_, std::move(stager), options.instance, post_to(mailbox_)),
        intake_(state, attempts_, batches_),
        holds_(state),
        budgets_(state),
        observed_nodes_(state),
        policies_(
            state,
            [this](const client::ConsumedRecord& record, const std::string& reason,
                   std::function<Status()> then) {
              return set_aside_control(record, reason, std::move(then));
            },
            post_to(mailbox_),
            [this](const CloudEvent& event, const client::ConsumedRecord& record) {
              if (event.type != NodeObserved::type) return budgets_.on_control(event, record);
              return observed_nodes_.on_control(event, record.timestamp);
            }),
        first_record_(state, options.instance),
        dead_letters_(services.producer, services.metrics, "scheduler", options.kafka.topic_prefix),
        leader_(services.metrics.gauge("oppen_leader", "1 while this scheduler leads")) {}
  ~Leader() { leader_.set(0); }

  // What Redis holds, into memory. Errors: of the store.
  Status load() {
    if (auto status = policies_.load(); !status) return status;
    if (auto status = budgets_.load(); !status) return status;
    if (auto status = observed_nodes_.load(); !status) return status;
    const auto counters = state_.store.counters();
    if (!counters) return fail(counters.error());
    state_.counters = *counters;
    const auto ids = state_.store.live();
    if (!ids) return fail(ids.error());
    auto records = state_.store.jobs(*ids);
    if (!records) return fail(records.error());
    for (auto& record : *records) {
      if (record) state_.live[record->spec.job_id] = std::move(*record);
    }
    if (auto status = sum_committed(state_); !status) return status;
    return holds_.load();
  }

  // What the API server's client tells the core.
  kube::KubeEvents kube_events() {
    // The client may call until it is destroyed, after the leader: it touches the mailbox alone.
    const auto on_core = [this](auto handle) {
      return [this, mailbox = mailbox_, handle](auto... arguments) {
        mailbox->post([this, handle, ... values = std::move(arguments)]() -> Status {
          return (this->*handle)(values...);
        });
      };
    };
    return {on_core(&Leader::on_pod_list_begin),
            on_core(&Leader::on_pod_list),
            on_core(&Leader::on_pod),
            on_core(&Leader::on_quotas),
            on_core(&Leader::on_limits),
            on_core(&Leader::on_nodes),
            on_core(&Leader::on_config_map),
            on_core(&Leader::on_kube_health)};
  }

  // Whether the cluster has been looked at: before that nothing is launched, deleted or decided.
  bool ready() const {
    return pods_known_ && quotas_known_ && limits_known_ && policies_.complete();
  }

  Attempts& attempts() { return attempts_; }
  std::atomic<bool>& kafka_answers() { return kafka_answers_; }
  Policies& policies() { return policies_; }

  // `until`: the end of the log of commands as the term begins; `start`: what is read first.
  void catch_up(std::int64_t start, std::int64_t until) {
    next_command_ = start;
    catch_up_until_ = until;
  }

  Inquiry::Sources sources() {
    const auto begins = [] {
      return fail(ErrorKind::unavailable,
                  "this scheduler begins to lead and has not seen the cluster yet: ask again soon");
    };
    return {[this, begins]() -> Result<Situation> {
              if (!ready()) return begins();
              auto situation = attempts_.situation();
              if (!kube_answers_) situation.held = "the Kubernetes API does not answer";
              return situation;
            },
            [this, begins]() -> Result<AdmissionRules> {
              if (!ready()) return begins();
              return state_.rules_to_keep();
            }};
  }

  // One turn of the loop. `handled(next)` after each record.
  Status turn(SteadyClock::time_point deadline, const std::function<void(std::int64_t)>& handled,
              std::stop_token stop) {
    const bool can_handle = ready() && !setting_aside_;
    auto mail = mailbox_->take(can_handle, deadline, stop);
    std::move(mail.commands.begin(), mail.commands.end(), std::back_inserter(waiting_));
    services_.health.beat();
    for (const auto& task : mail.tasks) {
      if (auto status = task(); !status) return status;
    }
    if (ready() && !resumed_) {
      resumed_ = true;
      leader_.set(1);
      services_.health.set("leadership", {});
      spdlog::info("leading: {} jobs queued, {} live", state_.counters.queued_total(),
                   state_.live.size());
      if (auto status = batches_.resume(); !status) return status;
    }
    while (!waiting_.empty() && !setting_aside_) {
      // May be kept until a record that is set aside has arrived.
      const auto noted = [this, handled](std::int64_t next) {
        next_command_ = next;
        quiet_ticks_ = 0;
        handled(next);
      };
      if (auto status = handle_waiting(noted); !status) return status;
    }
    if (!ready()) return {};
    if (next_command_ >= catch_up_until_) {
      if (auto status = attempts_.caught_up(); !status) return status;
    }
    const auto settled = holds_.settle();
    if (!settled) return fail(settled.error());
    if (!*settled) {
      mailbox_->post([]() -> Status { return {}; });  // go on after whatever else waits
      return {};
    }
    return kube_answers_ ? attempts_.launch_next() : Status();
  }

  Status tick() {
    show();
    // Transactions of producers leave marks in the log that nobody reads: its end may never be reached.
    if (!kafka_answers_ || setting_aside_) quiet_ticks_ = 0;
    if (resumed_ && ++quiet_ticks_ == most_quiet_ticks) catch_up_until_ = 0;
    if (auto status = check_leadership(); !status) return status;
    if (auto status = note_last_handled(); !status) return status;
    if (auto status = policies_.tick(); !status) return status;
    if (!ready()) return {};
    if (auto status = batches_.tick(); !status) return status;
    if (auto status = holds_.tick(); !status) return status;
    if (auto status = budgets_.tick(); !status) return status;
    if (auto status = observed_nodes_.tell(); !status) return status;
    return kube_answers_ ? attempts_.tick() : Status();
  }

 private:
  // The first record that waits, or as many submissions as follow one another: they are one commit.
  Status handle_waiting(const std::function<void(std::int64_t)>& handled) {
    std::vector<const Command*> submissions;
    std::unordered_set<std::string> ids;
    for (const auto& command : waiting_) {
      const auto id = command.read ? Intake::submitted_job(command) : std::string();
      if (id.empty() || !ids.insert(id).second) break;
      // What it waits for must be known: it is read from Redis.
      if (Intake::names_dependencies(command) && !submissions.empty()) break;
      submissions.push_back(&command);
      if (Intake::names_dependencies(command)) break;  // it comes alone
    }
    if (submissions.size() < 2) {
      auto command = std::move(waiting_.front());
      waiting_.pop_front();
      return handle_one(std::move(command), handled);
    }
    if (auto status = intake_.submit(submissions); !status) return status;
    auto& last = waiting_[submissions.size() - 1];
    last_note_ = std::move(last.note);
    const auto next = last.offset() + 1;
    waiting_.erase(waiting_.begin(),
                   waiting_.begin() + static_cast<std::ptrdiff_t>(submissions.size()));
    handled(next);
    return {};
  }

  Status handle_one(Command command, const std::function<void(std::int64_t)>& handled) {
    const auto crashes = first_record_.begin(command.offset());
    if (!crashes) return fail(crashes.error());
    if (*crashes) return set_aside(std::move(command.record), **crashes, handled);
    if (!command.read) command = read_command(std::move(command.record));
    const auto reason = intake_.handle(command);
    if (!reason) return fail(reason.error());
    if (auto status = first_record_.end(); !status) return status;
    if (*reason) return set_aside(std::move(command.record), **reason, handled);
    handled(command.offset() + 1);
    last_note_ = std::move(command.note);
    return {};
  }

  // An idle leader writes nothing: a Redis that was emptied under it would not be noticed.
  Status check_leadership() {
    const auto epoch = state_.store.meta("epoch");
    if (!epoch) return fail(epoch.error());
    if (*epoch == std::to_string(state_.epoch)) return {};
    return fail(ErrorKind::fenced,
                "Redis does not know this leader: it was emptied, or another leads");
  }

  // So that a log which is not this one any more is noticed at the next start (log_check.hpp).
  Status note_last_handled() {
    if (last_note_.empty()) return {};
    return state_.commit(queue::Changes().meta(last_record_field, std::exchange(last_note_, {})))
        .map([](auto&&) {});
  }

  // No further record is taken before the broker has this one: nothing is dropped, and everything else goes on meanwhile.
  Status set_aside(client::ConsumedRecord record, const std::string& reason,
                   const std::function<void(std::int64_t)>& handled) {
    spdlog::warn("setting aside jobs/{}: {}", record.offset, reason);
    setting_aside_ = true;
    const auto shared = std::make_shared<client::ConsumedRecord>(std::move(record));
    return dead_letters_.send(
        *shared, reason,
        [this, mailbox = mailbox_, shared, handled](const Result<client::Delivery>& delivery) {
          mailbox->post([this, shared, handled, status = delivery.map([](auto&&) {})]() -> Status {
            if (!status) return fail(ErrorKind::unavailable, status.error().message);
            setting_aside_ = false;
            handled(shared->offset + 1);
            return intake_.skip(shared->offset);
          });
        });
  }

  // Further records of `control` wait for it, nothing else does.
  Status set_aside_control(const client::ConsumedRecord& record, const std::string& reason,
                           std::function<Status()> then) {
    spdlog::warn("setting aside control/{}: {}", record.offset, reason);
    return dead_letters_.send(
        record, reason,
        [mailbox = mailbox_, then = std::move(then)](const Result<client::Delivery>& delivery) {
          mailbox->post([then, status = delivery.map([](auto&&) {})]() -> Status {
            return status ? then() : fail(ErrorKind::unavailable, status.error().message);
          });
        });
  }

  Status on_pod_list_begin() {
    attempts_.list_begins();
    return {};
  }
  Status on_pod_list(const std::vector<kube::Pod>& pods) {
    pods_known_ = true;
    return attempts_.reconcile(pods);
  }
  Status on_pod(const kube::Pod& pod, bool deleted) { return attempts_.on_pod(pod, deleted); }
  Status on_quotas(const std::vector<plan::Quota>& quotas) {
    quotas_known_ = true;
    state_.quotas = quotas;
    attempts_.quota_changed();
    return {};
  }
  Status on_limits(const plan::PodLimits& limits) {
    limits_known_ = true;
    state_.limits = limits;
    return {};
  }
  Status on_nodes(const std::vector<kube::Node>& nodes) {
    state_.nodes.update(nodes);
    observed_nodes_.update(nodes);
    return policies_.complete() ? observed_nodes_.tell() : Status();
  }
  Status on_config_map(const std::string& name,
                       const std::optional<std::map<std::string, std::string>>& data) {
    return policies_.on_config_map(name, data);
  }
  Status on_kube_health(const Status& status) {
    kube_answers_ = status.has_value();
    services_.health.set("kubernetes", status);
    if (status) {
      spdlog::info("the Kubernetes API answers");
    } else {
      spdlog::warn("the Kubernetes API does not answer: {}", status.error().message);
    }
    return {};
  }

  // What the metrics page shows of the queue.
  void show() {
    const auto& counters = state_.counters;
    for (const auto priority : all_priorities) {
      const auto index = static_cast<std::size_t>(priority);
      const auto gauge = [&](JobState state) -> runtime::Gauge& {
        return services_.metrics.gauge(
            "oppen_jobs", "Jobs by state and priority; ended ones since the queue began",
            {{"state", std::string(to_string(state))},
             {"priority", std::string(to_string(priority))}});
      };
      gauge(JobState::queued).set(static_cast<double>(counters.queued[index]));
      for (const auto& [state, jobs] : counters.jobs_by_priority[index])
        gauge(state).set(static_cast<double>(jobs));
    }
  }

  const TermServices& services_;
  // Shared with callbacks that may come after the term: what they post then, nobody runs.
  std::shared_ptr<Mailbox> mailbox_;
  State& state_;
  Attempts attempts_;
  Batches batches_;
  Intake intake_;
  Holds holds_;
  Budgets budgets_;
  ObservedNodes observed_nodes_;
  Policies policies_;
  FirstRecord first_record_;
  std::string last_note_;  // of the last record handled since the last tick; "": none
  runtime::DeadLetters dead_letters_;
  runtime::Gauge& leader_;
  bool pods_known_ = false;
  bool quotas_known_ = false;
  bool limits_known_ = false;
  bool kube_answers_ = false;
  bool resumed_ = false;
  std::atomic<bool> kafka_answers_{false};
  std::int64_t next_command_ = 0;
  std::int64_t catch_up_until_ = 0;
  int quiet_ticks_ = 0;          // since the last command
  std::deque<Command> waiting_;  // taken from the mailbox and not handled yet
  bool setting_aside_ = false;   // a record waits for the dead-letter topic
};

}  // namespace

Status run_term(const TermOptions& options, const TermServices& services, std::stop_token stop) {
  auto redis = Redis::create(options.redis_url);
  if (!redis) return fail(redis.error());
  Lease lease(**redis, options.kafka.topic_prefix, options.instance, options.lease_ttl);
  if (auto status = wait_for_lease(lease, services.health, options.lease_ttl, stop); !status)
    return status;
  if (stop.stop_requested()) return {};

  const auto mailbox = std::make_shared<Mailbox>();
  auto keeper_redis = Redis::create(options.redis_url);
  if (!keeper_redis) return fail(keeper_redis.error());
  const LeaseKeeper keeper(options, std::move(*keeper_redis), [mailbox](Error error) {
    mailbox->post([error = std::move(error)]() -> Status {
      return fail(error.in_context("renewing the lease"));
    });
  });

  auto consumer = Consumer::create(options.kafka, consumer_group);
  if (!consumer) return fail(consumer.error());
  QueueStore unclaimed(**redis, options.kafka.topic_prefix, queue::no_epoch);
  const auto cluster = check_log(unclaimed, **consumer);
  services.health.set("kafka", cluster ? Status() : fail(cluster.error()));
  if (!cluster) return fail(cluster.error());
  // What an earlier term of this process still has in hand must be in the log before it is read.
  if (auto status = services.producer.flush(kafka_deadline); !status) return status;
  const auto epoch = claim_epoch(services.producer, options.instance, services.clock.now());
  if (!epoch) return fail(epoch.error());
  if (auto status = lease.claim(*epoch, services.clock.now()); !status) return status;
  spdlog::info("instance {} leads with epoch {}", options.instance, *epoch);
  QueueStore store(**redis, options.kafka.topic_prefix, *epoch);
  if (auto stored = store.commit(queue::Changes().meta("cluster_id", *cluster)); !stored)
    return fail(stored.error());
  if (auto status = store.discard_stages(); !status) return status;

  // The client calls back into the leader by the mailbox alone, whose tasks nobody runs once this
  // function is left: it may end last.
  const auto kube = services.make_kube();
  State state{services.clock, services.metrics, store, *kube, options.pod_namespace, *epoch};
  if (auto status = load_durations(state); !status) return status;
  if (const auto healed = heal(
          state, **consumer, [&] { services.health.beat(); }, stop);
      !healed)
    return fail(healed.error());
  auto stager_redis = Redis::create(options.redis_url);
  if (!stager_redis) return fail(stager_redis.error());
  auto stager = std::make_unique<BatchStager>(std::move(*stager_redis), options.kafka.topic_prefix,
                                              *epoch, post_to(mailbox));
  Leader leader(services, options, mailbox, state, std::move(stager));
  if (auto status = leader.load(); !status) return status;

  const auto next = store.meta("next:jobs");
  if (!next) return fail(next.error());
  const auto start = *next ? std::strtoll((*next)->c_str(), nullptr, 10) : 0;
  // The beginning of the log moves on as records grow old.
  const auto marks = (*consumer)->watermarks({std::string(topics::jobs), 0}, kafka_deadline);
  if (!marks) return fail(marks.error());
  const TopicPartition jobs{std::string(topics::jobs), 0};
  if (marks->low > start && start > 0) {
    spdlog::error("the log of jobs begins at {}: commands {} to {} are gone unread", marks->low,
                  start, marks->low - 1);
  }
  if (auto status = (*consumer)->assign({{jobs, std::max<std::int64_t>(start, marks->low)}});
      !status)
    return status;

  auto relay = queue::OutboxRelay::start(
      {options.kafka.topic_prefix, options.redis_url, "/oppen/scheduler", *epoch},
      services.producer, services.metrics,
      [&](const std::string& id) {
        mailbox->post([&leader, id]() -> Status {
          leader.attempts().published(id);
          return {};
        });
      },
      [&](const Error& error) { mailbox->post([error]() -> Status { return fail(error); }); });
  if (!relay) return fail(relay.error());
  leader.catch_up(start, marks->high);
  Reader reader(std::move(*consumer), options.kafka.topic_prefix, *mailbox, services.health,
                services.metrics, leader.kafka_answers());
  reader.handled(start);
  const auto control = ControlReader::start(
      options.kafka, store, [mailbox, &leader](Result<client::ConsumedRecord> record) {
        mailbox->post([&leader, record = std::move(record)]() -> Status {
          return record ? leader.policies().on_control(*record) : fail(record.error());
        });
      });
  if (!control) return fail(control.error());
  kube->start(leader.kube_events(), {Policies::scheduling_policies, Policies::cost_model});

  auto audit_redis = Redis::create(options.redis_url);
  if (!audit_redis) return fail(audit_redis.error());
  std::optional<Auditor> auditor;
  if (auto survey = services.make_survey()) {
    auditor.emplace(state, post_to(mailbox), options.kafka.topic_prefix, std::move(*audit_redis),
                    std::move(survey), options.audit_interval);
  }

  const Inquiry::Term inquiry(services.inquiry, post_to(mailbox), leader.sources());

  auto next_tick = SteadyClock::now() + tick_interval;
  auto next_trim = SteadyClock::now();
  Status status;
  while (status && !stop.stop_requested()) {
    status = leader.turn(
        next_tick, [&](std::int64_t handled) { reader.handled(handled); }, stop);
    if (status && SteadyClock::now() >= next_tick) {
      next_tick = SteadyClock::now() + tick_interval;
      status = leader.tick();
      if (SteadyClock::now() >= next_trim) {
        next_trim = SteadyClock::now() + trim_interval;
        runtime::trim_memory();
      }
    }
  }
  if (!status) return status;
  relay->reset();  // the outbox is published before another may lead
  lease.release();
  return {};
}

}  // namespace oppen::core
