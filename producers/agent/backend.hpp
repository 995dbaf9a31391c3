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
// command is kept on the bus all the same. What waits ends with unavailable, too, soon after the token of stop_on says so; nothing is sent after it
// has said so.
class Backend : public access::Questions {
 public:
  struct Submitted {
    CloudEvent answer;               // job.queued, job.rejected or job.duplicate
    std::optional<CloudEvent> then;  // of a queued job: job.started, or its end
  };
  // Waits so long for `then`; 0: not at all.
  Result<Submitted> submit(const JobSpec& spec, std::chrono::seconds for_start) {
    return may_send().and_then([&] { return do_submit(spec, for_start); });
  }
  Result<CloudEvent> submit_batch(const BatchSubmit& batch) {
    return may_send().and_then([&] { return do_submit_batch(batch); });
  }
  Result<CloudEvent> cancel(const JobCancel& cancel) {
    return may_send().and_then([&] { return do_cancel(cancel); });
  }
  Status propose(const ProposalCreated& proposal) {
    return may_send().and_then([&] { return do_propose(proposal); });
  }
  // Until the next call of it.
  virtual Result<const access::KnownProposals*> proposals() = 0;
  // For the calls from now on.
  virtual void stop_on(std::stop_token stop) { stop_ = std::move(stop); }
  // What comes after a command's answer is no longer waited for once this says so.
  void hurry_on(std::stop_token hurry) { hurry_ = std::move(hurry); }
  virtual Time now() const = 0;

 protected:
  const std::stop_token& stop() const { return stop_; }
  const std::stop_token& hurry() const { return hurry_; }
  // Unavailable once the token says so. To be asked again by who has had to wait before he sends.
  Status may_send() const {
    return stop_.stop_requested()
               ? Status(fail(ErrorKind::unavailable, "cancelled; nothing was sent"))
               : Status();
  }

 private:
  virtual Result<Submitted> do_submit(const JobSpec& spec, std::chrono::seconds for_start) = 0;
  virtual Result<CloudEvent> do_submit_batch(const BatchSubmit& batch) = 0;
  virtual Result<CloudEvent> do_cancel(const JobCancel& cancel) = 0;
  virtual Status do_propose(const ProposalCreated& proposal) = 0;

  std::stop_token stop_;
  std::stop_token hurry_;
};

}  // namespace oppen::agent
