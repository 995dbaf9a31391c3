// How fast oppen-anomaly, the program itself, takes what a busy cluster has said in the hour that it was away, against a bare librdkafka
// consumer of the same records, in turn; and its memory.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "bench/anomaly/cluster_log.hpp"
#include "bench/support/bare_consumer.hpp"
#include "bench/support/cpu_time.hpp"
#include "bench/support/must.hpp"
#include "bench/support/process_memory.hpp"
#include "bench/support/report.hpp"
#include "schemas/topics.hpp"
#include "workers/anomaly/episodes/view.hpp"
#include "workers/runtime/leased_store.hpp"
#include "workers/runtime/worker_settings.hpp"

extern char** environ;

namespace oppen::bench {
namespace {

using namespace std::chrono_literals;
using Offsets = std::map<client::TopicPartition, std::int64_t>;

constexpr auto doing = "watching oppen-anomaly";
constexpr std::array read_topics = {topics::job_events, topics::telemetry, topics::costs};
constexpr auto patience = 300s;
constexpr auto between_questions = 20ms;

Offsets ends(client::Consumer& consumer) {
  Offsets offsets;
  for (const auto& topic : read_topics) {
    const int count = must(consumer.partition_count(topic, 10s), doing);
    for (int partition = 0; partition < count; ++partition) {
      const client::TopicPartition at{std::string(topic), partition};
      auto held = consumer.watermarks(at, 10s);
      // The topics have just been made: their leaders come within seconds.
      for (const auto end = SteadyClock::now() + 30s; !held && SteadyClock::now() < end;) {
        std::this_thread::sleep_for(100ms);
        held = consumer.watermarks(at, 10s);
      }
      offsets[at] = must(std::move(held), doing).high;
    }
  }
  return offsets;
}

struct Rates {
  Samples per_second;
  Samples cpu_us;  // of a record, all threads

  void add(double records, double seconds, double cpu) {
    per_second.add(records / seconds);
    cpu_us.add(cpu / records * 1e6);
  }
};

// The program at work.
class Program {
 public:
  explicit Program(const std::string& path) {
    std::vector<std::string> arguments = {path, "--listen", "127.0.0.1:0", "--log-level", "warn"};
    std::vector<char*> pointers;
    for (auto& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    if (posix_spawn(&pid_, path.c_str(), nullptr, nullptr, pointers.data(), environ) != 0)
      give_up(doing, path + " can't be started");
  }
  ~Program() {
    kill(pid_, SIGTERM);
    int status = 0;
    if (waitpid(pid_, &status, 0) != pid_ || status != 0) give_up(doing, "it did not end well");
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

// What it has taken and stored.
class Progress {
 public:
  explicit Progress(const std::string& redis_url, const std::string& topic_prefix)
      : redis_(must(runtime::Redis::create(redis_url), doing)),
        prefix_(anomaly::store_prefix(topic_prefix)) {}

  std::int64_t taken(const Offsets& from) {
    std::int64_t count = 0;
    for (const auto& [place, next] : must(runtime::fields_of(*redis_, prefix_ + "next"), doing)) {
      for (const auto& [at, offset] : from) {
        if (place == at.topic + "/" + std::to_string(at.partition))
          count += std::stoll(next) - offset;
      }
    }
    return count;
  }
  // What it has stored, and nothing else that is there.
  void forget() {
    std::string cursor = "0";
    do {
      const auto found = must(redis_->command({"SCAN", cursor, "MATCH", prefix_ + "*"}), doing);
      cursor = found.elements.at(0).text;
      for (const auto& key : found.elements.at(1).elements)
        must(redis_->command({"DEL", key.text}), doing);
    } while (cursor != "0");
  }

 private:
  std::unique_ptr<runtime::Redis> redis_;
  std::string prefix_;
};

ProcessMemory measure_program(const std::string& path, Progress& progress, const Offsets& from,
                              std::int64_t count, Rates& rates) {
  progress.forget();
  const Program program(path);
  const auto wait_until_taken = [&](std::int64_t wanted) {
    const auto give_up_at = SteadyClock::now() + patience;
    for (std::int64_t taken = 0; (taken = progress.taken(from)) < wanted;) {
      if (SteadyClock::now() > give_up_at)
        give_up(doing, std::to_string(taken) + " of " + std::to_string(wanted) + " were taken");
      std::this_thread::sleep_for(between_questions);
    }
  };
  // Not how long it takes to find its place.
  wait_until_taken(1);
  const auto before = progress.taken(from);
  const auto start = SteadyClock::now();
  const double cpu = cpu_seconds(program.pid());
  wait_until_taken(count);
  rates.add(static_cast<double>(count - before),
            std::chrono::duration<double>(SteadyClock::now() - start).count(),
            cpu_seconds(program.pid()) - cpu);
  return process_memory(program.pid());
}

void measure_bare(const client::KafkaSettings& kafka, const Offsets& from, std::int64_t count,
                  Rates& rates) {
  BareConsumer consumer(kafka);
  const auto start = SteadyClock::now();
  const double cpu = cpu_seconds();
  consumer.consume(from, static_cast<std::size_t>(count));
  rates.add(static_cast<double>(count),
            std::chrono::duration<double>(SteadyClock::now() - start).count(), cpu_seconds() - cpu);
}

}  // namespace
}  // namespace oppen::bench

int main(int argc, char** argv) {
  using namespace oppen;
  using namespace oppen::bench;
  runtime::WorkerSettings common;
  bool quick = false;
  std::string program = "oppen-anomaly";
  std::string results;
  runtime::Settings settings("bench-anomaly-worker", "Measures how fast oppen-anomaly reads.");
  common.declare(settings, "");
  settings.add(quick, {.name = "quick", .help = "Fewer records."});
  settings.add(program, {.name = "program", .help = "The path of oppen-anomaly.", .unit = "FILE"});
  settings.add(results, {.name = "results", .help = "Where the results go as JSON."});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;

  const auto kafka = must(common.kafka("bench-anomaly"), doing);
  const auto consumer = must(client::Consumer::create(kafka, ""), doing);
  auto from = ends(*consumer);
  // Over for so long that it is read as the past.
  const auto length = quick ? 15min : 60min;
  const ClusterLog cluster{
      2'000, std::chrono::floor<std::chrono::minutes>(SystemClock().now()) - length - 10min,
      length};
  const auto count = static_cast<std::int64_t>(cluster.publish(kafka));

  Progress progress(common.redis_url, kafka.topic_prefix);
  Rates bare;
  Rates ours;
  ProcessMemory most;
  for (int turn = 0; turn < 3; ++turn) {
    const auto memory = measure_program(program, progress, from, count, ours);
    if (memory.peak_mb > most.peak_mb) most = memory;
    measure_bare(kafka, from, count, bare);
  }

  Report report;
  report.claim("worker",
               "oppen-anomaly takes what 2,000 GPUs in jobs of 8 have said while it was away: "
               "gpu.sample every 10 s, cost.accrued every 30 s, job events; judged as of then, "
               "stored in Redis; a bare librdkafka consumer of the same records, in turn");
  report.measured("records of each turn", static_cast<double>(count), "");
  report.measured("records a second", ours.per_second, "1/s");
  report.limit("records a second of a bare consumer", bare.per_second, "1/s");
  report.measured("CPU time of a record", ours.cpu_us, "us");
  report.limit("CPU time of a record of a bare consumer", bare.cpu_us, "us");
  report.bar_at_least("records a second to the bare consumer's",
                      ours.per_second.percentile(50) / bare.per_second.percentile(50), 0.4, "");
  report.measured("resident memory at the end", most.resident_mb, "MB");
  report.bar("peak of resident memory", most.peak_mb, 50, "MB");
  if (!results.empty() && !report.write(results)) give_up("writing the results", results);
  return 0;
}
