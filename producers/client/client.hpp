#pragma once
// The client library that pipelines link: publishes commands and reports on the bus, and returns
// once the broker has acknowledged them. Acknowledged means kept; what becomes of it is told on `job-events`, and wait() returns it.
//
// Thread-safe; one Client per process is enough. Owns its producer and one thread, which tells what became of records. Its destructor gives
// those that are not acknowledged yet 5 seconds.
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "producers/client/kafka.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/commands.hpp"
#include "schemas/control.hpp"
#include "schemas/error.hpp"
#include "schemas/runs.hpp"

namespace oppen::client {

struct ClientOptions {
  KafkaSettings kafka;
  std::string source = "/oppen/client";        // ce_source of what is published
  std::chrono::milliseconds deadline{10'000};  // of each call, for the broker's acknowledgement
};

class Client {
 public:
  static Result<std::unique_ptr<Client>> create(const ClientOptions& options);
  ~Client();

  // Each checks its input as the scheduler will (Error kind invalid, every fault named) and
  // publishes nothing if it is wrong; unavailable when the broker has not acknowledged in time:
  // repeat the call with the same id, which is safe. A spec without job_id gets one; the id is
  // returned.
  Result<std::string> submit(JobSpec spec);
  // All or none. Split into parts of at most 900 kB when it does not fit a record; jobs without an
  // id get
  // "<batch_id>-<place>". Returns the job ids in order.
  Result<std::vector<std::string>> submit_batch(BatchSubmit batch);
  Status cancel(const JobCancel& cancel);
  Status amend(const JobAmend& amend);
  // One key of a policy gets another value, in the topic `control`; the scheduler's policy.changed
  // tells when it is in force.
  Status override_policy(const PolicyOverride& change);
  // A budget, and what becomes of a job that waits for an approval; both in the topic `control`.
  Status set_budget(const BudgetSet& set);
  Status decide(const ApprovalDecided& decision);
  // What somebody is to approve, in the topic `control`.
  Status propose(const ProposalCreated& proposal);
  // What people say of alerts; both in the topic `control`.
  Status silence(const AlertSilence& silence);
  Status give_feedback(const AlertFeedback& feedback);
  Status report(const RunProgress& progress);
  Status report(const RunCompleted& run);

  // The same without waiting, for many: checked as above, handed over, and told about by `done`, which is called exactly once unless the
  // call itself returns an error. Records lie for 5 ms (the property linger.ms) so that more of them go out together, unless a call
  // above or flush waits meanwhile. Records of one job or run keep the order of the calls. While too much is unacknowledged the call waits
  // until there is room, for `deadline` at most: unavailable, and not published. `done` runs on the client's own thread: it must not
  // block nor throw; called from there these do not wait for room. An error that it is given is told at the latest after librdkafka's
  // message.timeout.ms (a minute): unavailable means that the record may or may not have arrived.
  using Done = Producer::OnDelivery;
  Result<std::string> submit_later(JobSpec spec, Done done);
  Status report_later(const RunProgress& progress, Done done);
  Status report_later(const RunCompleted& run, Done done);
  // Waits until all that was handed over has been told about; unavailable when it has not by then.
  Status flush(std::chrono::milliseconds timeout);

  // The event that ends a job: succeeded, failed, cancelled or rejected, as its data's "state" says. Of a batch's id the event that says
  // whether it is taken: batch.queued or batch.rejected; jobs of a rejected batch have no events of their own. Everything that is kept
  // about the id counts, whoever submitted it, but the rejection of a command before this client's own is passed over. Reads all that is
  // kept about it first. Errors: unavailable (no outcome within `timeout`, which is at most a year; Kafka may be away, which alone ends
  // nothing); not_found (no such topic), refused, fatal as of Consumer::poll.
  Result<CloudEvent> wait(const std::string& id, std::chrono::milliseconds timeout);
  // Of many at once, by id. Reads the log once, so it is the way to wait for a batch's jobs.
  Result<std::map<std::string, CloudEvent>> wait_all(const std::vector<std::string>& ids,
                                                     std::chrono::milliseconds timeout);

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::client
