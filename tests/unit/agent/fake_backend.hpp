#pragma once
// A stack that answers what a test says, and remembers what it was told to do.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "producers/agent/backend.hpp"

namespace oppen::agent {

class FakeBackend final : public Backend {
 public:
  FakeBackend();

  // By the path without its query; what is not there is not found. Of POSTs likewise.
  std::map<std::string, nlohmann::json> answers;
  access::KnownProposals known;
  std::function<void()> before_answer = [] {};
  Time time;
  std::string start_event =
      "dev.oppen.job.started.v1";  // of a job whose start is waited for; "": it does not start
  CloudEvent batch_answer;         // without a type: it is queued
  std::string cancel_event = "dev.oppen.job.cancelled.v1";

  std::vector<JobSpec> submitted;
  std::vector<BatchSubmit> batches;
  std::vector<JobCancel> cancelled;
  std::vector<ProposalCreated> proposed;
  mutable std::vector<std::string> asked;   // whole paths
  mutable std::vector<std::string> posted;  // bodies

  std::size_t commands() const {
    return submitted.size() + batches.size() + cancelled.size() + proposed.size();
  }

  Result<nlohmann::json> get(const std::string& path) const override;
  Result<nlohmann::json> post(const std::string& path, const std::string& body) const override;
  Result<const access::KnownProposals*> proposals() override { return &known; }
  Time now() const override { return time; }
  const std::stop_token& stopping() const { return stop(); }

 private:
  Result<Submitted> do_submit(const JobSpec& spec, std::chrono::seconds for_start) override;
  Result<CloudEvent> do_submit_batch(const BatchSubmit& batch) override;
  Result<CloudEvent> do_cancel(const JobCancel& cancel) override;
  Status do_propose(const ProposalCreated& proposal) override;
};

}  // namespace oppen::agent
