#pragma once
// The state of every part, as far as the console can see it.
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "schemas/error.hpp"
#include "workers/console/queue_view.hpp"

namespace oppen::console {

struct Part {
  std::string name;  // "redis"
  bool ok = false;
  std::string detail;  // a sentence
};

// {"ok":bool,"parts":[{"name","ok","detail"}]}
nlohmann::json health_json(const std::vector<Part>& parts);

// What a scheduler's /readyz says, about itself and about Kafka, which only it talks to. `answer`
// is the body of any status, or why there is none; without one nothing is known of Kafka.
std::vector<Part> scheduler_parts(const Result<std::string>& answer, const std::string& url);

// Who leads: ok when somebody does.
Part leader_part(QueueView& queue);

}  // namespace oppen::console
