#pragma once
// What every program of bench/scheduler stands on: the stack that bench/run started, a client, what
// the scheduler says, and the cluster. Calls end the program when something does not work.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/support/cluster.hpp"
#include "bench/support/event_log.hpp"
#include "bench/support/report.hpp"
#include "producers/client/client.hpp"
#include "schemas/commands.hpp"
#include "workers/runtime/redis.hpp"
#include "workers/runtime/settings.hpp"
#include "workers/runtime/worker_settings.hpp"

namespace oppen::bench {

struct Options {
  runtime::WorkerSettings common;
  bool quick = false;   // fewer samples
  std::string results;  // file for the JSON; "" for none
  std::int64_t scheduler_pid = 0;
  std::string scheduler_url;
  std::int64_t console_pid = 0;  // 0: there is none
  std::string console_url;
};

class Bench {
 public:
  explicit Bench(const Options& options);

  const Options& options() const { return options_; }
  const client::KafkaSettings& kafka() const { return kafka_; }
  client::Client& client() { return *client_; }
  EventLog& events() { return *events_; }
  Cluster& cluster() { return *cluster_; }
  runtime::Redis& redis() { return *redis_; }

  // `full` samples, or `quick` ones where --quick asks for fewer.
  int samples(int full, int quick) const { return options_.quick ? quick : full; }

  // A job as people submit them: named, owned, two environment variables, small enough that only
  // max_concurrent_jobs and the queue decide. Its pod runs for `duration`.
  JobSpec job(const std::string& duration = "1h") const;

  // Returns at once; `acknowledged` is called when the broker has it, on another thread.
  void submit_batch_later(const BatchSubmit& batch, std::function<void()> acknowledged);
  void submit_later(const JobSpec& job, std::function<void()> acknowledged);
  // Queues so many jobs by batches of 10,000, each after the other; they are like these in turn.
  void fill_queue(std::vector<JobSpec> kinds, int count);

  // Without waiting for each: returns when the broker has acknowledged all.
  void submit_all(const std::vector<JobSpec>& jobs);
  void cancel_all(const std::vector<std::string>& job_ids);

  // Changes the bench's policy and waits until the scheduler has it in force.
  void set_max_concurrent_jobs(int jobs);

  // Lets nothing be launched: one long job takes the only slot. Until release_queue().
  void hold_queue();
  void release_queue(int max_concurrent_jobs);
  // What decisions took since the scheduler started, by its own metric.
  struct Decisions {
    double seconds = 0;  // of all of them
    double count = 0;
  };
  Decisions decisions() const;

  // Until every event of the scheduler has been published.
  void wait_outbox_empty();

 private:
  template <class Event>
  void send(
      const Event& event, const std::string& key, std::function<void()> acknowledged = [] {});

  Options options_;
  client::KafkaSettings kafka_;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<client::Producer> producer_;
  std::unique_ptr<runtime::Redis> redis_;
  std::unique_ptr<EventLog> events_;
  std::unique_ptr<Cluster> cluster_;
  std::string blocker_;
};

// main() of each program: reads the settings, measures, writes the results. `declare` adds settings of the program's own.
int run_bench(int argc, const char* const* argv, const std::string& purpose,
              const std::function<void(Bench&, Report&)>& measure,
              const std::function<void(runtime::Settings&)>& declare = {});

}  // namespace oppen::bench
