// How many samples of a recording the agent's parts read, attribute, write to the buffer and have acknowledged by Kafka, against a bare
// producer of the same records.

#include <algorithm>
#include <thread>

#include "bench/support/cpu_time.hpp"
#include "bench/support/must.hpp"
#include "bench/support/report.hpp"
#include "bench/telemetry/recording_file.hpp"
#include "producers/telemetry/publisher.hpp"
#include "producers/telemetry/sample_records.hpp"
#include "producers/telemetry/sampler.hpp"
#include "producers/telemetry/sources/replay.hpp"
#include "schemas/topics.hpp"
#include "workers/runtime/worker_settings.hpp"

namespace oppen::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto doing = "publishing samples";

struct Cost {
  double records = 0;
  double wall_seconds = 0;
  double cpu = 0;
};

template <class Work>
Cost measure(Work work) {
  Cost cost;
  const auto begin = SteadyClock::now();
  const double cpu = cpu_seconds();
  cost.records = work();
  cost.cpu = cpu_seconds() - cpu;
  cost.wall_seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  return cost;
}

std::unique_ptr<telemetry::Sampler> sampler_of(const std::string& recording,
                                               telemetry::GpuPage& page,
                                               runtime::Metrics& metrics) {
  std::vector<telemetry::Sampler::Node> nodes;
  nodes.push_back({"gpu-node-1", must(telemetry::open_replay(recording), doing)});
  telemetry::Sampler::Timing timing;
  timing.recorded = true;
  const auto none = std::make_shared<const telemetry::KnownPods>();
  return std::make_unique<telemetry::Sampler>(
      std::move(nodes),
      telemetry::Sampler::Pods{[none] { return none; }, [] {}, [](std::int64_t) { return ""; }},
      nullptr, timing, page, metrics);
}

// Each reading is a window of its own, so that there are as many samples as there are readings of GPUs.
double replay(const std::string& recording, telemetry::Publisher& publisher,
              std::vector<KafkaRecord>& kept) {
  constexpr std::uint64_t most_waiting = 20'000;
  constexpr std::size_t most_kept = 10'000;
  runtime::Metrics metrics;
  telemetry::GpuPage page;
  const auto sampler = sampler_of(recording, page, metrics);
  double count = 0;
  while (!sampler->over()) {
    const auto samples = sampler->look({});
    must(sampler->status(), doing);
    std::vector<KafkaRecord> records;
    for (const auto& sample : samples.gpus) records.push_back(telemetry::record_of(sample));
    must(publisher.publish(records), doing);
    count += static_cast<double>(records.size());
    if (kept.size() < most_kept) kept.insert(kept.end(), records.begin(), records.end());
    while (publisher.waiting() > most_waiting) std::this_thread::sleep_for(1ms);
  }
  while (publisher.waiting() > 0) std::this_thread::sleep_for(1ms);
  if (publisher.dropped() > 0) give_up(doing, "some were dropped");
  return count;
}

double send_bare(client::Producer& producer, const std::vector<KafkaRecord>& records,
                 double count) {
  for (double sent = 0; sent < count; ++sent) {
    const auto& record = records[static_cast<std::size_t>(sent) % records.size()];
    while (!producer.send(topics::telemetry, record, [](const auto&) {})) std::this_thread::yield();
  }
  must(producer.flush(60s), doing);
  return count;
}

}  // namespace
}  // namespace oppen::bench

int main(int argc, char** argv) {
  using namespace oppen;
  using namespace oppen::bench;
  runtime::WorkerSettings common;
  bool quick = false;
  std::string results;
  std::string folder = "/tmp";
  runtime::Settings settings("bench-telemetry-publish", "Measures the way of samples to Kafka.");
  common.declare(settings, "");
  settings.add(quick, {.name = "quick", .help = "Fewer samples."});
  settings.add(results, {.name = "results", .help = "Where the results go as JSON."});
  settings.add(folder, {.name = "folder", .help = "For the recording and the buffer."});
  if (const auto exit_code = settings.parse(argc, argv)) return *exit_code;

  const auto kafka = must(common.kafka("bench-telemetry"), doing);
  const RecordingFile recording(folder, quick ? 5'000 : 25'000, 10s);
  std::vector<KafkaRecord> records;
  Cost ours;
  {
    const auto publisher =
        must(telemetry::Publisher::start(kafka, folder + "/bench-buffer", 64'000'000), doing);
    while (!publisher->status()) std::this_thread::sleep_for(10ms);
    ours = measure([&] { return replay(recording.path(), *publisher, records); });
  }
  const auto producer =
      must(client::Producer::create(kafka, {std::string(topics::telemetry)}), doing);
  must(producer->send_and_wait(topics::telemetry, records.front(), 30s), doing);
  const auto bare = measure([&] { return send_bare(*producer, records, ours.records); });

  Report report;
  report.claim("replay",
               "Readings of a recording of 8 GPUs, each a gpu.sample of its own: parsed, "
               "attributed, written to the "
               "buffer on disk, sent and acknowledged");
  report.measured("samples", ours.records, "");
  report.measured("samples a second", ours.records / ours.wall_seconds, "1/s");
  report.measured("CPU time of a sample", ours.cpu / ours.records * 1e6, "us");
  report.measured("limit: CPU time of a record of a bare producer", bare.cpu / bare.records * 1e6,
                  "us");
  report.measured("limit: records a second of a bare producer", bare.records / bare.wall_seconds,
                  "1/s");
  report.bar_at_least("samples a second of one core", ours.records / ours.cpu, 50'000, "1/s");
  if (!results.empty() && !report.write(results)) give_up("writing the results", results);
  return 0;
}
