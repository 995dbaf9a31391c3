#pragma once
// The backend of a running stack. One thread. Connects to Kafka for each command, and to the console for each question.
#include "producers/agent/backend.hpp"

namespace oppen::agent {

class LiveBackend final : public Backend {
 public:
  explicit LiveBackend(access::Endpoints endpoints)
      : endpoints_(std::move(endpoints)), console_(endpoints_.console_url) {}

  Result<nlohmann::json> get(const std::string& path) const override { return console_.get(path); }
  Result<nlohmann::json> post(const std::string& path, const std::string& body) const override {
    return console_.post(path, body);
  }
  Result<Submitted> submit(const JobSpec& spec, std::chrono::seconds for_start) override;
  Result<CloudEvent> submit_batch(const BatchSubmit& batch) override;
  Result<CloudEvent> cancel(const JobCancel& cancel) override;
  Status propose(const ProposalCreated& proposal) override;
  Result<std::map<std::string, access::KnownProposal>> proposals() override {
    return access::read_proposals(endpoints_);
  }
  Time now() const override { return SystemClock().now(); }

 private:
  access::Endpoints endpoints_;
  access::ConsoleApi console_;
};

}  // namespace oppen::agent
