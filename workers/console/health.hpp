#pragma once
// The state of every part, as far as the console can see it.
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/error.hpp"
#include "workers/console/queue_view.hpp"

namespace oppen::console {

struct Part {
  std::string name;  // "redis"
  bool ok = false;
  std::string detail;                    // a sentence
  std::optional<std::int64_t> lag = {};  // records that it has not handled yet, as it says itself
};

// {"ok":bool,"parts":[{"name","ok","detail","lag"?}]}
nlohmann::json health_json(const std::vector<Part>& parts);

// What a scheduler's /readyz says, about itself and about Kafka, which only it talks to. `answer`
// is the body of any status, or why there is none; without one nothing is known of Kafka.
std::vector<Part> scheduler_parts(const Result<std::string>& answer, const std::string& url);

// What another worker's /readyz says, called `name` in the setting OPPEN_WORKER_URLS. `answer` as above; `metrics`: the text of its
// /metrics, "" where there is none. Of the MLflow bridge there are two parts: MLflow itself is known through it alone.
std::vector<Part> worker_parts(const std::string& name, const Result<std::string>& answer,
                               const std::string& metrics, const std::string& url);

// The sum over its topics of oppen_consumer_lag; nullopt: it tells none.
std::optional<std::int64_t> lag_in(std::string_view metrics);

// "cost=http://a:8082,telemetry=http://b:8084" as pairs. Invalid: a part without name or URL.
Result<std::vector<std::pair<std::string, std::string>>> worker_urls(const std::string& setting);

// Who leads: ok when somebody does.
Part leader_part(QueueView& queue);

}  // namespace oppen::console
