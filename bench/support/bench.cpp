#include "bench/support/bench.hpp"

#include <algorithm>
#include <sstream>
#include <thread>

#include "bench/support/must.hpp"
#include "scheduler/queue/keys.hpp"
#include "scheduler/queue/reader.hpp"
#include "schemas/job_events.hpp"
#include "schemas/parse.hpp"
#include "schemas/topics.hpp"
#include "workers/runtime/http_client.hpp"

namespace oppen::bench {
namespace {

using namespace std::chrono_literals;

// Asks again every 10 ms until `done`.
void poll_until(const std::string& doing, std::chrono::seconds deadline,
                const std::function<bool()>& done) {
  const auto end = SteadyClock::now() + deadline;
  while (!done()) {
    if (SteadyClock::now() > end)
      give_up(doing, "not within " + std::to_string(deadline.count()) + " s");
    std::this_thread::sleep_for(10ms);
  }
}

}  // namespace

Bench::Bench(const Options& options)
    : options_(options), kafka_(must(options.common.kafka("oppen-bench"), "reading the settings")) {
  kafka_.log = {};
  client_ = must(client::Client::create({kafka_, "/oppen/bench"}), "connecting to Kafka");
  producer_ =
      must(client::Producer::create(kafka_, {std::string(topics::jobs)}), "connecting to Kafka");
  redis_ = must(runtime::Redis::create(options.common.redis_url), "connecting to Redis");
  events_ = std::make_unique<EventLog>(kafka_);
  cluster_ = std::make_unique<Cluster>(options.common.kube_namespace);
}

JobSpec Bench::job(const std::string& duration) const {
  JobSpec spec;
  spec.model_type = "resnet50";
  spec.job_id = make_job_id(spec.model_type);
  spec.name = "nightly-resnet50";
  spec.team = "vision";
  spec.project = "autumn-release";
  spec.user = "kim";
  spec.priority = Priority::normal;
  spec.epochs = 10;
  spec.batch_size = 64;
  spec.image = "oppen.dev/simulated:1";
  spec.resources.gpus = 0;
  spec.resources.cpu_millicores = 50;
  spec.resources.memory_bytes = std::int64_t{64} << 20;
  spec.env = {{"DATASET", "s3://datasets/imagenet/2026-01"}, {"SIMULATED_DURATION", duration}};
  return spec;
}

template <class Event>
void Bench::send(const Event& event, const std::string& key, std::function<void()> acknowledged) {
  CloudEvent envelope;
  envelope.id = make_job_id("bench");
  envelope.source = "/oppen/bench";
  envelope.type = Event::type;
  envelope.time = SystemClock().now();
  envelope.subject = key;
  must(producer_->send(
           topics::jobs, encode(envelope, key, to_text(event)),
           [acknowledged = std::move(acknowledged)](const Result<client::Delivery>& delivery) {
             if (!delivery) give_up("submitting", delivery.error().message);
             acknowledged();
           }),
       "submitting");
}

void Bench::submit_batch_later(const BatchSubmit& batch, std::function<void()> acknowledged) {
  send(batch, batch.batch_id, std::move(acknowledged));
}

void Bench::submit_later(const JobSpec& job, std::function<void()> acknowledged) {
  send(JobSubmit{job}, job.job_id, std::move(acknowledged));
}

void Bench::fill_queue(std::vector<JobSpec> kinds, int count) {
  constexpr int batch_jobs = 10'000;
  for (auto& kind : kinds) kind.job_id.clear();  // the client gives each its own
  for (int left = count; left > 0; left -= batch_jobs) {
    BatchSubmit batch;
    batch.batch_id = make_job_id("fill");
    for (int i = 0; i < std::min(left, batch_jobs); ++i)
      batch.jobs.push_back(kinds[static_cast<std::size_t>(i) % kinds.size()]);
    const auto id = batch.batch_id;
    must(client_->submit_batch(std::move(batch)), "submitting a batch");
    events_->wait(BatchQueued::type, id, 120s);
  }
}

Bench::Decisions Bench::decisions() const {
  runtime::HttpClient http;
  runtime::HttpRequest request;
  request.method = "GET";
  request.url = options_.scheduler_url + "/metrics";
  const auto page = must(http.send(std::move(request)), "asking the scheduler for its metrics");
  Decisions decisions;
  std::istringstream lines(page.body);
  for (std::string line; std::getline(lines, line);) {
    const auto value = [&] { return std::stod(line.substr(line.rfind(' ') + 1)); };
    if (line.starts_with("oppen_decision_seconds_sum")) decisions.seconds = value();
    if (line.starts_with("oppen_decision_seconds_count")) decisions.count = value();
  }
  if (decisions.count == 0) give_up("reading the scheduler's metrics", "there is no decision");
  return decisions;
}

void Bench::submit_all(const std::vector<JobSpec>& jobs) {
  for (const auto& job : jobs) send(JobSubmit{job}, job.job_id);
  must(producer_->flush(30s), "submitting");
}

void Bench::cancel_all(const std::vector<std::string>& job_ids) {
  for (const auto& id : job_ids) send(JobCancel{id, "", "bench", "measured"}, id);
  must(producer_->flush(30s), "cancelling");
}

void Bench::set_max_concurrent_jobs(int jobs) {
  const auto value = std::to_string(jobs);
  cluster_->set_policy("max_concurrent_jobs", value);
  queue::QueueReader reader(*redis_, options_.common.topic_prefix);
  poll_until("changing max_concurrent_jobs", 30s, [&] {
    const auto policy = reader.policy();
    return policy && (*policy)["scheduling_policies"].value("max_concurrent_jobs", "") == value;
  });
}

void Bench::hold_queue() {
  set_max_concurrent_jobs(1);
  auto blocker = job("24h");
  blocker.priority = Priority::urgent;
  blocker_ = must(client_->submit(blocker), "submitting");
  events_->wait(JobStarted::type, blocker_);
}

void Bench::release_queue(int max_concurrent_jobs) {
  set_max_concurrent_jobs(max_concurrent_jobs);
  must(client_->cancel({blocker_, "", "bench", "measured"}), "cancelling");
  events_->wait(JobCancelled::type, blocker_, 60s);
}

void Bench::wait_outbox_empty() {
  poll_until("waiting for the outbox", 60s, [this] {
    const auto length =
        redis_->command({"XLEN", queue::key_prefix(options_.common.topic_prefix) + "outbox"});
    return must(length, "asking Redis").integer == 0;
  });
}

int run_bench(int argc, const char* const* argv, const std::string& purpose,
              const std::function<void(Bench&, Report&)>& measure,
              const std::function<void(runtime::Settings&)>& declare) {
  Options options;
  runtime::Settings settings(argv[0], purpose);
  options.common.declare(settings, "");
  settings.add(options.quick, {.name = "quick", .help = "Fewer samples."});
  settings.add(options.results,
               {.name = "results", .help = "Where the results go as JSON.", .unit = "FILE"});
  settings.add(options.scheduler_pid,
               {.name = "scheduler-pid", .help = "The oppen-scheduler under measurement."});
  settings.add(options.scheduler_url,
               {.name = "scheduler-url", .help = "Where it serves /metrics.", .unit = "URL"});
  settings.add(options.console_pid, {.name = "console-pid", .help = "Its oppen-console; 0: none."});
  settings.add(options.console_url, {.name = "console-url", .help = "Where that console answers."});
  if (declare) declare(settings);
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;
  Report report;
  {
    Bench bench(options);
    measure(bench, report);
  }
  if (!options.results.empty() && !report.write(options.results))
    give_up("writing the results", options.results + " can't be written");
  return 0;
}

}  // namespace oppen::bench
