#pragma once
// What the bridge asks of MLflow. Owned by the bridge; the tests have a server of their own making.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "schemas/error.hpp"

namespace oppen::mlflow {

class Api {
 public:
  virtual ~Api() = default;
  // POSTs to /api/2.0/mlflow/<endpoint>, such as "runs/search", and returns the answer, a JSON object. Waits for it, at most 20 seconds.
  // Errors: unavailable (no answer, overloaded, failing: ask again later), refused (the answer is no: credentials, rights, no such API),
  // invalid (larger than the bridge takes: ask for less).
  virtual Result<nlohmann::json> post(const std::string& endpoint,
                                      const nlohmann::json& request) = 0;
};

}  // namespace oppen::mlflow
