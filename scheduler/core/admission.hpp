#pragma once
// From a submitted spec to a record that may be queued, or the reason why not. Pure: it can run on
// any thread.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/plan/decide.hpp"
#include "scheduler/plan/durations.hpp"
#include "scheduler/plan/policy.hpp"
#include "scheduler/queue/record.hpp"

namespace oppen::core {

// What the nodes that take pods have room for while they are empty: the largest of them, none of which is smaller in everything than
// another. By GPU product (node label), and of all nodes under "".
using NodeSizes = std::map<std::string, std::vector<plan::Amounts>>;

// What admission judges by, as State hands it out: to use at once, or to keep.
struct AdmissionRules {
  std::shared_ptr<const plan::Policy> policy;
  std::vector<plan::Quota> quotas;
  plan::PodLimits limits;
  std::shared_ptr<const NodeSizes> node_sizes;       // never null; empty: not known
  std::shared_ptr<const plan::Durations> durations;  // never null
};

struct Refusal {
  std::string code;    // as in job.rejected
  std::string reason;  // a sentence
  std::string field;   // "" : the whole job
};

// A record with its spec resolved and its duration estimated; state, seq, place and cost are the
// caller's.
tl::expected<queue::JobRecord, Refusal> admit(const JobSpec& submitted,
                                              const AdmissionRules& rules);
// The same for a spec that was resolved before, and changed: `own_limit` as its record has it.
tl::expected<queue::JobRecord, Refusal> admit_again(const JobSpec& spec, bool own_limit,
                                                    const AdmissionRules& rules);

// The first fault as a refusal of code "invalid" that tells all of them.
Refusal refusal_of(const FieldErrors& faults);

}  // namespace oppen::core
