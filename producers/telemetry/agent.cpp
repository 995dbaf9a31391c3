#include "producers/telemetry/agent.hpp"

#include <spdlog/spdlog.h>

#include <condition_variable>
#include <mutex>

#include "producers/telemetry/sample_records.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds period = 1s;

// What is told of the bus at /metrics.
class BusMetrics {
 public:
  explicit BusMetrics(runtime::Metrics& metrics)
      : gpu_samples_(metrics.counter(samples, samples_help, {{"type", "gpu.sample"}})),
        pod_samples_(metrics.counter(samples, samples_help, {{"type", "pod.sample"}})),
        acknowledged_(metrics.counter("oppen_telemetry_acknowledged_total",
                                      "Records that Kafka has acknowledged")),
        dropped_(
            metrics.counter("oppen_telemetry_dropped_total",
                            "Records that gave way to newer ones in a full buffer, or could not "
                            "be kept or sent")),
        buffered_(metrics.gauge("oppen_telemetry_buffered_records",
                                "Records on disk that Kafka has not acknowledged")),
        bytes_(metrics.gauge("oppen_telemetry_buffer_bytes", "Size of the buffer's files")) {}

  void sampled(const Samples& made) {
    gpu_samples_.add(static_cast<double>(made.gpus.size()));
    pod_samples_.add(static_cast<double>(made.pods.size()));
  }
  void set(const Publisher& publisher) {
    acknowledged_.add(static_cast<double>(publisher.acknowledged()) - acknowledged_.value());
    dropped_.add(static_cast<double>(publisher.dropped()) - dropped_.value());
    buffered_.set(static_cast<double>(publisher.waiting()));
    bytes_.set(static_cast<double>(publisher.waiting_bytes()));
  }

 private:
  static constexpr auto samples = "oppen_telemetry_samples_total";
  static constexpr auto samples_help = "Samples made, by their event's type";
  runtime::Counter& gpu_samples_;
  runtime::Counter& pod_samples_;
  runtime::Counter& acknowledged_;
  runtime::Counter& dropped_;
  runtime::Gauge& buffered_;
  runtime::Gauge& bytes_;
};

void publish(const Samples& samples, Publisher& publisher, BusMetrics& metrics,
             runtime::Recurring& trouble) {
  metrics.sampled(samples);
  std::vector<KafkaRecord> records;
  for (const auto& sample : samples.gpus) records.push_back(record_of(sample));
  for (const auto& sample : samples.pods) records.push_back(record_of(sample));
  if (records.empty()) return;
  if (const auto kept = publisher.publish(records); kept) {
    if (trouble.end()) SPDLOG_INFO("the buffer can be written again");
  } else if (trouble.begin_or_due()) {
    SPDLOG_ERROR("{} samples are lost: {}", records.size(), kept.error().message);
  }
}

}  // namespace

void run_agent(Wiring& parts, Publisher& publisher, runtime::Health& health, const Clock& clock,
               const std::stop_token& stop) {
  BusMetrics metrics(parts.metrics);
  runtime::Recurring trouble;
  std::mutex mutex;
  std::condition_variable_any turn;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested() && !parts.sampler->over()) {
    // On whole seconds, so that windows, which end there, are told of at once.
    turn.wait_for(lock, stop, period - clock.now().time_since_epoch() % period,
                  [] { return false; });
    if (stop.stop_requested()) break;
    publish(parts.sampler->look(clock.now()), publisher, metrics, trouble);
    metrics.set(publisher);
    health.beat();
    health.set("source", parts.sampler->status());
    health.set("kafka", publisher.status());
    if (parts.directory) health.set("kubernetes", parts.directory->status());
  }
  publish(parts.sampler->flush(clock.now()), publisher, metrics, trouble);
}

}  // namespace oppen::telemetry
