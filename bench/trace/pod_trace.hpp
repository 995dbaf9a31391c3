#pragma once
// A trace of pods as CSV, in the columns of the Alibaba GPU cluster trace of 2023 (openb_pod_list.csv in
// github.com/alibaba/clusterdata, cluster-trace-gpu-v2023): cpu_milli, memory_mib, num_gpu, gpu_milli, creation_time,
// scheduled_time, deletion_time; others are ignored. Plain values and pure functions, any thread.
#include <cstdint>
#include <string>
#include <vector>

#include "schemas/error.hpp"
#include "schemas/job.hpp"
#include "schemas/time.hpp"

namespace oppen::bench {

struct TracePod {
  Time arrives{};  // its time in the trace
  std::int64_t run_seconds = 1;
  Resources resources;
};

// In order of arrival. A pod ran from its scheduling to its deletion, or, when it was never scheduled, as long as it was
// there; a second at least. Errors name the line, the column and the value.
Result<std::vector<TracePod>> read_pod_trace(const std::string& path);

}  // namespace oppen::bench
