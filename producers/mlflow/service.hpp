#pragma once
// The loop around the bridge: looks at MLflow again and again, and less often while something is away.
#include <chrono>
#include <stop_token>

#include "producers/mlflow/bridge.hpp"
#include "producers/mlflow/http_api.hpp"

namespace oppen::mlflow {

// Until `stop`, which is no error. Errors: fatal alone, when this process can't go on.
Status run_service(Bridge& bridge, const HttpApi& api, runtime::Health& health,
                   std::chrono::seconds interval, const std::stop_token& stop);

}  // namespace oppen::mlflow
