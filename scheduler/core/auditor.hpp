#pragma once
// Audits (audit.hpp) every so often while this scheduler leads, on a thread and a Redis connection of its own: each difference is one
// line of the log and counts in oppen_drift_total{kind}.
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "scheduler/core/attempts.hpp"
#include "scheduler/core/state.hpp"
#include "scheduler/kube/survey.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::core {

class Auditor {
 public:
  // `state` is read by tasks on the core's thread alone, which `post` runs; it, its clock and its metrics outlive this.
  Auditor(State& state, Attempts::Post post, const std::string& topic_prefix,
          std::unique_ptr<runtime::Redis> redis, std::unique_ptr<kube::Survey> survey,
          std::chrono::seconds interval);

 private:
  void run(std::chrono::seconds interval, std::stop_token stop);

  State& state_;
  Attempts::Post post_;
  std::string topic_prefix_;
  std::unique_ptr<runtime::Redis> redis_;
  std::unique_ptr<kube::Survey> survey_;
  std::jthread thread_;
};

}  // namespace oppen::core
