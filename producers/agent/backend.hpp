#pragma once
// What the tools act on: the console's answers, and the commands that they may send. There is no approval among them.
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "producers/access/console_api.hpp"
#include "producers/access/proposals.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/commands.hpp"
#include "schemas/control.hpp"

namespace oppen::agent {

// Each call is one command and waits for the scheduler's answer, 30 seconds at most (a batch 120): unavailable after that, when the
// command is kept on the bus all the same. What waits ends with unavailable, too, soon after the token of stop_on says so.
class Backend : public access::Questions {
 public:
  struct Submitted {
    CloudEvent answer;               // job.queued, job.rejected or job.duplicate
    std::optional<CloudEvent> then;  // of a queued job: job.started, or its end
  };
  // Waits so long for `then`; 0: not at all.
  virtual Result<Submitted> submit(const JobSpec& spec, std::chrono::seconds for_start) = 0;
  virtual Result<CloudEvent> submit_batch(const BatchSubmit& batch) = 0;
  virtual Result<CloudEvent> cancel(const JobCancel& cancel) = 0;
  virtual Status propose(const ProposalCreated& proposal) = 0;
  // Until the next call of it.
  virtual Result<const access::KnownProposals*> proposals() = 0;
  // For the calls from now on.
  virtual void stop_on(std::stop_token stop) = 0;
  virtual Time now() const = 0;
};

}  // namespace oppen::agent
