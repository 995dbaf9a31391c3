#pragma once
// The program's settings and its two flags without a value. Main thread.
#include <optional>
#include <string>

#include "producers/mlflow/bridge.hpp"
#include "producers/mlflow/http_api.hpp"
#include "workers/runtime/worker_settings.hpp"

namespace oppen::mlflow {

struct Options {
  runtime::WorkerSettings worker;
  std::string tracking_uri = "http://127.0.0.1:5000";
  std::string token_file;
  std::string ca_file;
  std::string console_url = "http://127.0.0.1:8088";
  std::string experiments;
  std::string mapping_file;
  std::int64_t poll_seconds = 15;
  std::int64_t sweep_seconds = 600;
  std::int64_t lookback_days = 7;
  std::int64_t page_size = 100;
  bool once = false;
  std::string described;  // for the log

  // Reads the command line, the environment and the file; an exit code: the program is to end with it.
  std::optional<int> parse(int argc, const char* const* argv);

  BridgeOptions bridge() const;
  // The usual one, or the file's. Invalid, naming file, entry and value.
  Result<Mapping> mapping() const;
};

}  // namespace oppen::mlflow
