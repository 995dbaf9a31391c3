#pragma once
// One term of leadership: from the claim to the loss of it. Everything it holds is made anew in the
// next term, so that there is one way to recover from anything: begin again from Redis, the log and
// the list of pods.
#include <memory>
#include <stop_token>
#include <string>

#include "producers/client/kafka.hpp"
#include "scheduler/core/inquiry.hpp"
#include "scheduler/kube/kube_api.hpp"
#include "scheduler/kube/survey.hpp"
#include "schemas/time.hpp"
#include "workers/runtime/health_server.hpp"
#include "workers/runtime/metrics.hpp"

namespace oppen::core {

struct TermOptions {
  client::KafkaSettings kafka;
  std::string redis_url;
  std::string pod_namespace;
  std::string instance;                        // of this process
  std::chrono::milliseconds lease_ttl{3'000};  // a leader that died is replaced after this
  std::chrono::seconds audit_interval{30};
};

// What outlives a term. Borrowed.
struct TermServices {
  const Clock& clock;
  runtime::Metrics& metrics;
  runtime::Health& health;
  client::Producer& producer;  // keeps trying for ever
  Inquiry& inquiry;            // open while a term leads
  // A new one for each term; it must not call back once it is destroyed.
  std::function<std::unique_ptr<kube::KubeApi>()> make_kube;
  std::function<std::unique_ptr<kube::Survey>()> make_survey;  // of the audit, likewise
};

// Waits for the lease, leads until `stop` or until it can't, and says why it ended: ok after
// `stop`, otherwise unavailable or fenced (begin again), or fatal. Core's thread.
Status run_term(const TermOptions& options, const TermServices& services, std::stop_token stop);

}  // namespace oppen::core
