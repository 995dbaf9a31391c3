// How many gpu.sample events are read, parsed, joined to their attempt and accounted, against a bare librdkafka consumer of the
// same records, in turn; and the memory that this takes with 10,000 attempts on 10,000 GPUs.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "bench/support/bare_consumer.hpp"
#include "bench/support/cpu_time.hpp"
#include "bench/support/must.hpp"
#include "bench/support/process_memory.hpp"
#include "bench/support/report.hpp"
#include "producers/client/group_consumer.hpp"
#include "producers/telemetry/sample_records.hpp"
#include "schemas/topics.hpp"
#include "workers/cost/ledger/ledger.hpp"
#include "workers/cost/usage/gpu_hourly.hpp"
#include "workers/cost/worker/measuring.hpp"
#include "workers/cost/worker/read_ahead.hpp"
#include "workers/runtime/memory.hpp"
#include "workers/runtime/worker_settings.hpp"

namespace oppen::bench {
namespace {

using namespace std::chrono_literals;
using Offsets = std::map<client::TopicPartition, std::int64_t>;

constexpr auto doing = "accounting samples";
constexpr std::size_t attempts = 10'000;  // each on a GPU of its own
constexpr auto interval = 10s;
constexpr auto settled_every = 30s;  // with the charges
const Time begin = *parse_rfc3339("2026-01-03T12:00:00Z");

std::string job_id(std::size_t number) {
  return "resnet50-20260103-1200-" + std::to_string(100'000 + number);
}

GpuSample sample(std::size_t job, int round) {
  GpuSample sample;
  sample.node = "gpu-node-" + std::to_string(job / 8);
  sample.gpu_uuid = "GPU-5d5b1a3e-0c2f-4b7e-9f5c-2f0a1b" + std::to_string(100'000 + job);
  sample.gpu_index = static_cast<int>(job % 8);
  sample.gpu_type = "Tesla-V100-SXM2-32GB";
  // Each node's agent has its own milliseconds.
  sample.sampled_at = begin + round * interval + std::chrono::milliseconds(job / 8 % 1000);
  sample.interval_seconds = 10;
  sample.utilization_percent = static_cast<double>(job * 7 % 1000) / 10;
  sample.utilization_max_percent = 100;
  sample.memory_used_mb = 21504.5;
  sample.memory_total_mb = 32768;
  sample.temperature_celsius = 71;
  sample.power_watts = 243.5;
  sample.job_id = job_id(job);
  sample.attempt = 1;
  sample.pod = sample.job_id + "-1";
  sample.pod_namespace = "ml-training";
  return sample;
}

Offsets ends(client::Consumer& consumer) {
  Offsets offsets;
  const int count = must(consumer.partition_count(topics::telemetry, 10s), doing);
  for (int partition = 0; partition < count; ++partition) {
    const client::TopicPartition at{std::string(topics::telemetry), partition};
    auto held = consumer.watermarks(at, 10s);
    // The topics have just been made: their leaders come within seconds.
    for (const auto end = SteadyClock::now() + 30s; !held && SteadyClock::now() < end;) {
      std::this_thread::sleep_for(100ms);
      held = consumer.watermarks(at, 10s);
    }
    offsets[at] = must(std::move(held), doing).high;
  }
  return offsets;
}

void publish(const client::KafkaSettings& kafka, int rounds) {
  const auto producer =
      must(client::Producer::create(kafka, {std::string(topics::telemetry)}), doing);
  for (int round = 1; round <= rounds; ++round) {
    for (std::size_t job = 0; job < attempts; ++job) {
      const auto record = telemetry::record_of(sample(job, round));
      while (!producer->send(topics::telemetry, record, [](const auto& delivery) {
        if (!delivery) give_up(doing, delivery.error().message);
      })) {
        std::this_thread::yield();
      }
    }
  }
  must(producer->flush(60s), doing);
}

// In a process of its own, whose memory is not measured: what was written is behind these offsets.
Offsets publish_apart(const client::KafkaSettings& kafka, int rounds) {
  std::array<int, 2> ends_of_pipe{};
  if (pipe(ends_of_pipe.data()) != 0) give_up(doing, "there is no pipe");
  const pid_t child = fork();
  if (child == 0) {
    const auto consumer = must(client::Consumer::create(kafka, ""), doing);
    const auto offsets = ends(*consumer);
    publish(kafka, rounds);
    std::vector<std::int64_t> numbers;
    for (const auto& [at, offset] : offsets) numbers.push_back(offset);
    const auto size = numbers.size() * sizeof(std::int64_t);
    const bool written = write(ends_of_pipe[1], numbers.data(), size) == static_cast<ssize_t>(size);
    _exit(written ? 0 : 1);
  }
  close(ends_of_pipe[1]);
  Offsets offsets;
  std::int64_t offset = 0;
  for (int partition = 0; read(ends_of_pipe[0], &offset, sizeof offset) == sizeof offset;
       ++partition)
    offsets[{std::string(topics::telemetry), partition}] = offset;
  close(ends_of_pipe[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0 || offsets.empty()) give_up(doing, "the samples could not be published");
  return offsets;
}

// Of several rounds.
struct Rates {
  Samples per_second;
  Samples cpu_us;  // of a record, all threads of this process

  template <class Work>
  void measure(std::size_t count, Work work) {
    const auto start = SteadyClock::now();
    const double cpu = cpu_seconds();
    work();
    const auto records = static_cast<double>(count);
    cpu_us.add((cpu_seconds() - cpu) / records * 1e6);
    per_second.add(records / std::chrono::duration<double>(SteadyClock::now() - start).count());
  }
};

// What the cost worker keeps: of each partition the jobs, which all run and are charged, and what has been measured of them.
class Accounts {
 public:
  Accounts(int rounds, int partitions) : charged_until_(begin + rounds * interval + cost::grid) {
    for (int i = 0; i < partitions; ++i) parts_.push_back({cost::Ledger(rates_), {}});
    for (std::size_t job = 0; job < attempts; ++job) {
      cost::Fact fact;
      fact.job_id = job_id(job);
      fact.attempt = 1;
      fact.seq = 3;
      fact.started_at = begin;
      fact.bearer.usage.gpu_type = "V100";
      fact.bearer.usage.resources.cpu_millicores = 4000;
      fact.bearer.usage.resources.memory_bytes = std::int64_t{16} << 30;
      fact.bearer.pod = fact.job_id + "-1";
      fact.bearer.pod_namespace = "ml-training";
      fact.bearer.model_type = "resnet50";
      fact.bearer.workload_type = "training";
      fact.bearer.team = "vision";
      fact.bearer.project = "autumn-release";
      fact.told = cost::Told{"resnet50-nightly", "kim", "running", false, 90, 256};
      parts_.at(static_cast<std::size_t>(partition_of(fact.job_id, partitions))).ledger.apply(fact);
    }
    for (auto& [ledger, measuring] : parts_) {
      while (!ledger.charge(charged_until_, at_once).empty()) {
      }
      ledger.take_changed();
    }
  }

  void take(const cost::Sampled& sample) {
    auto& measuring = parts_.at(static_cast<std::size_t>(sample.partition)).measuring;
    if (!sample.wrong.empty()) give_up("a sample is refused", sample.wrong);
    const auto* const why = measuring.take(sample);
    if (why != nullptr) give_up("a sample is left out", why);
    measuring.next = sample.offset + 1;
    if (++taken_ % settled_after == 0) settle(begin + interval * (taken_ / attempts));
  }

  // Looks, as the worker does with all that it has read at once, whether anything is to be charged or stored.
  void look_around() {
    for (auto& [ledger, measuring] : parts_) {
      cost::Change change;
      const auto charges = ledger.charge(charged_until_, at_once);
      measuring.settle(ledger, charges, rates_, change);
      measuring.store_all(ledger, false, change);
      for (const auto& [name, text] : change.usages) stored_bytes_ = text.size();
    }
  }

  void settle(Time at) {
    cost::GpuPrices prices(at, rates_.at(at));
    gpu_ms_ = 0;
    for (auto& [ledger, measuring] : parts_) {
      measuring.book().visit([&, &jobs = ledger.jobs()](const auto& key, cost::Usage& usage) {
        const auto& attempt = jobs.at(key.job_id).attempts.at(key.attempt);
        const auto part =
            usage.settle(prices.hourly(attempt.bearer->usage), attempt.charged.gpu.value);
        measured_ += part.measured_microusd;
        effective_ += part.effective_microusd;
        gpu_ms_ += usage.measured().gpu_ms;
        return true;
      });
    }
  }

  std::int64_t measured() const { return measured_; }
  std::int64_t effective() const { return effective_; }
  std::int64_t gpu_ms() const { return gpu_ms_; }
  std::size_t stored_bytes() const { return stored_bytes_; }  // of the last one

 private:
  static constexpr std::size_t at_once = 1'000;
  static constexpr std::size_t settled_after = attempts * (settled_every / interval);
  struct Part {
    cost::Ledger ledger;
    cost::Measuring measuring;
  };

  pricing::RateHistory rates_;
  Time charged_until_;
  std::vector<Part> parts_;
  std::size_t taken_ = 0;
  std::int64_t measured_ = 0;
  std::int64_t effective_ = 0;
  std::int64_t gpu_ms_ = 0;
  std::size_t stored_bytes_ = 0;
};

// A member of a group that owns all partitions, as a single instance of the worker.
std::unique_ptr<client::GroupConsumer> join(const client::KafkaSettings& kafka,
                                            std::size_t partitions) {
  auto consumer = must(
      client::GroupConsumer::create(kafka, "bench-cost", {std::string(topics::telemetry)}), doing);
  const auto end = SteadyClock::now() + 60s;
  while (consumer->owned().size() < partitions) {
    if (SteadyClock::now() > end) give_up(doing, "the group gives no partitions");
    static_cast<void>(consumer->listen(100ms));
  }
  return consumer;
}

// As the worker does.
void consume(client::GroupConsumer& consumer, const Offsets& offsets, std::size_t count,
             Accounts& accounts) {
  cost::ReadAhead ahead(consumer);
  must(consumer.start(offsets), doing);
  for (std::size_t taken = 0; taken < count;) {
    while (must(ahead.poll(false, static_cast<int>(offsets.size())), doing) != nullptr)
      ahead.parse();
    const auto* const records = ahead.take();
    if (records != nullptr) {
      for (const auto& sample : records->samples) accounts.take(sample);
      taken += records->samples.size();
    }
    accounts.look_around();
  }
}

// Reads records and their headers, and does nothing with them.
void consume_alone(client::GroupConsumer& consumer, const Offsets& offsets, std::size_t count) {
  client::RecordBatch records;
  std::vector<HeaderView> headers;
  must(consumer.start(offsets), doing);
  for (std::size_t taken = 0; taken < count; taken += records.size()) {
    must(consumer.poll(records, cost::ReadAhead::most_at_once, 100ms), doing);
    for (std::size_t i = 0; i < records.size(); ++i) records.view(i, headers);
  }
}

}  // namespace
}  // namespace oppen::bench

int main(int argc, char** argv) {
  using namespace oppen;
  using namespace oppen::bench;
  runtime::return_freed_memory(4);  // as the worker does
  runtime::WorkerSettings common;
  bool quick = false;
  std::string results;
  runtime::Settings settings("bench-cost-usage", "Measures how fast samples are accounted.");
  common.declare(settings, "");
  settings.add(quick, {.name = "quick", .help = "Fewer samples."});
  settings.add(results, {.name = "results", .help = "Where the results go as JSON."});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;

  const auto kafka = must(common.kafka("bench-cost"), doing);
  const int rounds = quick ? 20 : 60;
  const int turns = quick ? 3 : 5;
  const std::size_t count = attempts * static_cast<std::size_t>(rounds);
  const auto offsets = publish_apart(kafka, rounds);

  Rates bare;
  Rates client_alone;
  Rates ours;
  double memory_mb = 0;
  std::int64_t measured = 0;
  std::int64_t effective = 0;
  std::size_t stored = 0;
  for (int turn = 0; turn < turns; ++turn) {
    {
      const auto consumer = join(kafka, offsets.size());
      Accounts accounts(rounds, static_cast<int>(offsets.size()));
      ours.measure(count, [&] { consume(*consumer, offsets, count, accounts); });
      // Before a bare consumer has had its memory.
      if (turn == 0) memory_mb = process_memory(getpid()).peak_mb;
      accounts.settle(begin + rounds * interval);
      if (accounts.gpu_ms() !=
          static_cast<std::int64_t>(count) * std::chrono::milliseconds(interval).count())
        give_up(doing, "not every sample was counted once");
      measured = accounts.measured();
      effective = accounts.effective();
      stored = accounts.stored_bytes();
    }
    {
      const auto consumer = join(kafka, offsets.size());
      client_alone.measure(count, [&] { consume_alone(*consumer, offsets, count); });
    }
    BareConsumer consumer(kafka);
    bare.measure(count, [&] { consumer.consume(offsets, count); });
  }

  Report report;
  report.claim("usage",
               "gpu.sample events of 10,000 attempts on 10,000 GPUs, read from Kafka by one "
               "consumer, parsed, joined to their "
               "attempt and accounted; a bare librdkafka consumer of the same records, in turn");
  report.measured("samples of each turn", static_cast<double>(count), "");
  report.measured("samples a second", ours.per_second, "1/s");
  report.measured("samples a second that the client reads, nothing done with them",
                  client_alone.per_second, "1/s");
  report.limit("records a second of a bare consumer", bare.per_second, "1/s");
  report.measured("CPU time of a sample", ours.cpu_us, "us");
  report.measured("CPU time of a sample that the client reads", client_alone.cpu_us, "us");
  report.limit("CPU time of a record of a bare consumer", bare.cpu_us, "us");
  report.measured("told of by samples", static_cast<double>(measured) / 1e6, "USD");
  report.measured("of which worked", static_cast<double>(effective) / 1e6, "USD");
  report.measured("stored of an attempt's usage", static_cast<double>(stored), "bytes");
  report.bar_at_least("samples a second to the bare consumer's",
                      ours.per_second.percentile(50) / bare.per_second.percentile(50), 0.35, "");
  report.bar("peak memory of this program, until it had accounted once", memory_mb, 50, "MB");
  if (!results.empty() && !report.write(results)) give_up("writing the results", results);
  return 0;
}
