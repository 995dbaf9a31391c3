#pragma once
// The settings of oppen-telemetry. Used while starting, on the main thread.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "workers/runtime/worker_settings.hpp"

namespace oppen::telemetry {

struct Options {
  runtime::WorkerSettings worker;
  std::string node;  // this machine's name unless set
  std::string source = "auto";
  std::string dcgm_url = "http://127.0.0.1:9400/metrics";
  std::string replay;  // file; "": none
  std::string simulated_nodes;
  std::int64_t interval_seconds = 10;
  std::string buffer_dir = "/var/lib/oppen/telemetry";
  std::int64_t buffer_mb = 64;
  std::string proc_root = "/proc";
  std::string cgroup_root = "/sys/fs/cgroup";
  bool once = false;
  std::string output = "text";
  std::string described;  // all of them, for the log

  std::vector<std::string> simulated() const;  // the names in simulated_nodes

  // nullopt: go on. Otherwise the exit code: 0 after --help, 2 after a sentence on stderr. `--once` needs no value, and `-o` is
  // `--output`.
  std::optional<int> parse(int argc, const char* const* argv);
};

}  // namespace oppen::telemetry
