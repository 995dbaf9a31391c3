#pragma once
// The backend of a running stack. One thread. Connects to Kafka for each command, and to the console for each question. Of what it has
// read it keeps the proposals.
#include "producers/agent/backend.hpp"

namespace oppen::agent {

class LiveBackend final : public Backend {
 public:
  explicit LiveBackend(access::Endpoints endpoints)
      : endpoints_(std::move(endpoints)),
        console_(endpoints_.console_url),
        proposals_(endpoints_) {}

  Result<nlohmann::json> get(const std::string& path) const override { return console_.get(path); }
  Result<nlohmann::json> post(const std::string& path, const std::string& body) const override {
    return console_.post(path, body);
  }
  Result<Submitted> submit(const JobSpec& spec, std::chrono::seconds for_start) override;
  Result<CloudEvent> submit_batch(const BatchSubmit& batch) override;
  Result<CloudEvent> cancel(const JobCancel& cancel) override;
  Status propose(const ProposalCreated& proposal) override;
  Result<const access::KnownProposals*> proposals() override {
    return proposals_.read([this] { return !stop_.stop_requested(); });
  }
  void stop_on(std::stop_token stop) override {
    console_.stop_on(stop);
    stop_ = std::move(stop);
  }
  Time now() const override { return SystemClock().now(); }

 private:
  access::Endpoints endpoints_;
  access::ConsoleApi console_;
  access::ProposalReader proposals_;
  std::stop_token stop_;
};

}  // namespace oppen::agent
