#pragma once
// The pods of a trace as runs that have finished, are at work, or are yet to come. Plain values; one thread.
#include <map>
#include <string>
#include <vector>

#include "bench/trace/bounds.hpp"
#include "bench/trace/pod_trace.hpp"
#include "bench/trace/virtual_run.hpp"
#include "workers/cost/books/records.hpp"
#include "workers/cost/report/history.hpp"

namespace oppen::bench {

struct PlayedPod {
  cost::RunRecord run;  // as it is once it has finished
  Time begins{};
  Time ends{};
};

// Pods that ask for the same are of one model type. Each begins when it arrived.
inline std::vector<PlayedPod> played_pods(const std::vector<TracePod>& pods) {
  const auto jobs = jobs_of(pods);
  std::vector<PlayedPod> played;
  for (std::size_t i = 0; i < pods.size(); ++i) {
    PlayedPod pod;
    pod.begins = pods[i].arrives;
    pod.ends = after(pod.begins, jobs[i].run_seconds);
    pod.run.job_id = std::to_string(i);
    pod.run.model_type = jobs[i].spec.model_type;
    pod.run.workload_type = jobs[i].spec.workload_type;
    pod.run.state = "succeeded";
    pod.run.attempts = 1;
    pod.run.resources = pods[i].resources;
    pod.run.run_seconds = jobs[i].run_seconds;
    played.push_back(std::move(pod));
  }
  return played;
}

// The latest finished runs by model type, the latest first, as the books give them.
class PlayedHistory {
 public:
  void finished(const cost::RunRecord& run) {
    auto& of_type = runs_[run.model_type];
    of_type.insert(of_type.begin(), run);
    if (of_type.size() > cost::history_limit) of_type.pop_back();
  }
  const std::vector<cost::RunRecord>& of(const std::string& model_type) {
    return runs_[model_type];
  }

 private:
  std::map<std::string, std::vector<cost::RunRecord>> runs_;
};

}  // namespace oppen::bench
