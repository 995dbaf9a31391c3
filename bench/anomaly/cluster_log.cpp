#include "bench/anomaly/cluster_log.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <array>
#include <string>
#include <vector>

#include "bench/support/must.hpp"
#include "producers/telemetry/sample_records.hpp"
#include "schemas/costs.hpp"
#include "schemas/job_events.hpp"
#include "schemas/parse.hpp"
#include "schemas/topics.hpp"

namespace oppen::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto doing = "publishing what a cluster says";
constexpr auto between_samples = 10s;
constexpr auto between_charges = 30s;

// By librdkafka itself: a record's time is not the client's to give.
class Publisher {
 public:
  explicit Publisher(const client::KafkaSettings& kafka) : prefix_(kafka.topic_prefix) {
    std::map<std::string, std::string> properties = {{"bootstrap.servers", kafka.brokers},
                                                     {"compression.codec", "lz4"},
                                                     {"partitioner", "murmur2_random"},
                                                     // Many agents send a few records each.
                                                     {"batch.num.messages", "32"},
                                                     {"linger.ms", "5"}};
    for (const auto& [name, value] : kafka.properties) properties[name] = value;
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    std::array<char, 512> reason{};
    for (const auto& [name, value] : properties) {
      if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size()) !=
          RD_KAFKA_CONF_OK)
        give_up(doing, reason.data());
    }
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void*) {
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up(doing, rd_kafka_err2str(message->err));
    });
    kafka_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason.data(), reason.size());
    if (kafka_ == nullptr) give_up(doing, reason.data());
  }
  ~Publisher() { rd_kafka_destroy(kafka_); }
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  void put(std::string_view topic, Time at, const KafkaRecord& record) {
    const auto name = prefix_ + std::string(topic);
    options_.clear();
    const auto add = [this](rd_kafka_vtype_t type) -> auto& {
      options_.emplace_back().vtype = type;
      return options_.back().u;
    };
    add(RD_KAFKA_VTYPE_TOPIC).cstr = name.c_str();
    add(RD_KAFKA_VTYPE_MSGFLAGS).i = RD_KAFKA_MSG_F_COPY;
    add(RD_KAFKA_VTYPE_KEY).mem = {const_cast<char*>(record.key.data()), record.key.size()};
    add(RD_KAFKA_VTYPE_VALUE).mem = {const_cast<char*>(record.value->data()), record.value->size()};
    add(RD_KAFKA_VTYPE_TIMESTAMP).i64 = at.time_since_epoch().count();
    for (const auto& [key, value] : record.headers) {
      add(RD_KAFKA_VTYPE_HEADER).header = {key.c_str(), value.data(),
                                           static_cast<ssize_t>(value.size())};
    }
    while (auto* error = rd_kafka_produceva(kafka_, options_.data(), options_.size())) {
      const auto code = rd_kafka_error_code(error);
      rd_kafka_error_destroy(error);
      if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) give_up(doing, rd_kafka_err2str(code));
      rd_kafka_poll(kafka_, 100);
    }
    if (++count_ % 100 == 0) rd_kafka_poll(kafka_, 0);
  }
  std::size_t finish() {
    if (rd_kafka_flush(kafka_, 60'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
      give_up(doing, "Kafka takes it too slowly");
    return count_;
  }

 private:
  std::string prefix_;
  std::vector<rd_kafka_vu_t> options_;
  rd_kafka_t* kafka_ = nullptr;
  std::size_t count_ = 0;
};

std::string job_of(int number) {
  return fmt::format("resnet50-20260103-1200-{}", 100'000 + number);
}
std::string team_of(int job) { return fmt::format("team-{}", job % 8); }

template <class Event>
KafkaRecord record_of(const Event& event, std::string id, const std::string& key, Time at) {
  CloudEvent cloud;
  cloud.id = std::move(id);
  cloud.source = "/oppen/bench";
  cloud.type = Event::type;
  cloud.time = at;
  cloud.subject = key;
  return encode(cloud, key, to_text(event));
}

void put_start(Publisher& to, int job, Time at) {
  JobStarted started;
  auto& context = started.job;
  context.job_id = context.name = job_of(job);
  context.seq = 3;
  context.attempt = 1;
  context.state = JobState::running;
  context.model_type = "resnet50";
  context.workload_type = "training";
  context.team = team_of(job);
  context.project = "autumn";
  context.user = "kim";
  context.resources.gpus = ClusterLog::gpus_of_a_job;
  context.resources.cpu_millicores = 8'000;
  context.resources.memory_bytes = std::int64_t{64} << 30;
  context.epochs = 90;
  context.batch_size = 256;
  started.pod = job_of(job) + "-1";
  started.pod_namespace = "ml-training";
  started.node = fmt::format("gpu-node-{}", job);
  started.gpu_type = "A100";
  started.started_at = at;
  to.put(topics::job_events, at, record_of(started, job_of(job) + "/3", job_of(job), at));
}

void put_sample(Publisher& to, int gpu, int round, Time at) {
  const int job = gpu / ClusterLog::gpus_of_a_job;
  GpuSample sample;
  sample.node = fmt::format("gpu-node-{}", job);
  sample.gpu_uuid = fmt::format("GPU-5d5b1a3e-0c2f-4b7e-9f5c-2f0a1b{}", 100'000 + gpu);
  sample.gpu_index = gpu % ClusterLog::gpus_of_a_job;
  sample.gpu_type = "NVIDIA-A100-SXM4-80GB";
  sample.sampled_at = at;
  sample.interval_seconds = 10;
  // One job in fifty makes little use of its GPUs.
  sample.utilization_percent = (job % 50 == 7 ? 15 : 55) + (gpu * 7 + round * 31) % 100 / 5.0;
  sample.utilization_max_percent = 100;
  sample.memory_used_mb = 61504.5;
  sample.memory_total_mb = 81920;
  sample.temperature_celsius = 55 + (gpu * 3 + round) % 20;
  sample.power_watts = 243.5;
  sample.job_id = job_of(job);
  sample.attempt = 1;
  sample.pod = sample.job_id + "-1";
  sample.pod_namespace = "ml-training";
  to.put(topics::telemetry, at, telemetry::record_of(sample));
}

void put_charge(Publisher& to, int job, Time from, Time until) {
  CostAccrued charge;
  charge.job_id = job_of(job);
  charge.attempt = 1;
  charge.pod = charge.job_id + "-1";
  charge.pod_namespace = "ml-training";
  charge.model_type = "resnet50";
  charge.team = team_of(job);
  charge.project = "autumn";
  charge.gpu_type = "A100";
  charge.interval_start = from;
  charge.interval_end = until;
  charge.gpu = {23'333};
  charge.cpu = {3'333};
  charge.memory = {5'333};
  charge.total = {31'999};
  charge.gpus = ClusterLog::gpus_of_a_job;
  const auto id =
      fmt::format("{}/1/{}", charge.job_id, from.time_since_epoch() / Time::duration(30s));
  to.put(topics::costs, until, record_of(charge, id, charge.job_id, until));
}

}  // namespace

std::size_t ClusterLog::publish(const client::KafkaSettings& kafka) const {
  Publisher to(kafka);
  const int jobs = gpus / gpus_of_a_job;
  for (int job = 0; job < jobs; ++job) put_start(to, job, begin);
  int round = 0;
  for (auto after = std::chrono::seconds(0); after < length; after += between_samples, ++round) {
    // Each node's agent has its own milliseconds.
    for (int gpu = 0; gpu < gpus; ++gpu)
      put_sample(to, gpu, round,
                 begin + after + std::chrono::milliseconds(gpu / gpus_of_a_job % 1000));
    for (int job = 0; after.count() % between_charges.count() == 0 && job < jobs; ++job)
      put_charge(to, job, begin + after - between_charges, begin + after);
  }
  return to.finish();
}

}  // namespace oppen::bench
