#pragma once
// The topic `runs` in Kafka. One thread.
#include <memory>
#include <stop_token>

#include "producers/client/kafka.hpp"
#include "producers/mlflow/runs_topic.hpp"
#include "workers/runtime/health_server.hpp"

namespace oppen::mlflow {

class KafkaRuns final : public RunsTopic {
 public:
  // Borrows `health`, whose beat goes on while this waits. `stop` ends every wait with unavailable. Errors: invalid (a property that
  // librdkafka refuses). An unreachable broker is no error here.
  static Result<std::unique_ptr<KafkaRuns>> create(const client::KafkaSettings& settings,
                                                   runtime::Health& health, std::stop_token stop);

  Status reachable() override;
  Status read_back(const std::function<void(const KafkaRecord&)>& take) override;
  Result<std::vector<Status>> publish(const std::vector<KafkaRecord>& records) override;

 private:
  KafkaRuns(const client::KafkaSettings& settings, runtime::Health& health, std::stop_token stop)
      : settings_(settings), health_(health), stop_(std::move(stop)) {}
  Status settle();

  client::KafkaSettings settings_;
  runtime::Health& health_;
  std::stop_token stop_;
  std::unique_ptr<client::Producer> producer_;
};

}  // namespace oppen::mlflow
