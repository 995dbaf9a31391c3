#pragma once
// The backend of a running stack. One thread. Connects to Kafka for each command, and to the console for each question. Of what it has
// read it keeps the proposals.
#include "producers/access/bus.hpp"
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
  Result<const access::KnownProposals*> proposals() override {
    return proposals_.read([this] { return !stop().stop_requested(); });
  }
  void stop_on(std::stop_token stop) override {
    console_.stop_on(stop);
    Backend::stop_on(std::move(stop));
  }
  Time now() const override { return SystemClock().now(); }

 private:
  Result<Submitted> do_submit(const JobSpec& spec, std::chrono::seconds for_start) override;
  Result<CloudEvent> do_submit_batch(const BatchSubmit& batch) override;
  Result<CloudEvent> do_cancel(const JobCancel& cancel) override;
  Status do_propose(const ProposalCreated& proposal) override;
  // A bus on which the command about `id` may be sent: its answers are expected. Errors: of the bus; as may_send.
  Result<access::Bus> bus_for(const std::string& id) const;

  access::Endpoints endpoints_;
  access::ConsoleApi console_;
  access::ProposalReader proposals_;
};

}  // namespace oppen::agent
