#pragma once
// Sends commands and hears what the scheduler says about them. One thread.
#include <chrono>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "producers/access/endpoints.hpp"
#include "producers/client/answers.hpp"
#include "producers/client/client.hpp"
#include "schemas/job_events.hpp"

namespace oppen::access {

class Bus {
 public:
  // `source`: of what is sent, as ce_source. Errors: invalid (malformed properties). An unreachable Kafka shows at the first call.
  static Result<Bus> connect(const Endpoints& endpoints, const std::string& source = "/oppen/cli");

  client::Client& client() { return *client_; }

  // Notes where the answers about `id` will come from. Call it before the command is sent. Errors:
  // unavailable.
  Status expect(const std::string& id);
  // The first event of one of the `types` about `id` since expect(). Errors: unavailable, saying
  // that the command is kept; also when `stop` says so.
  Result<CloudEvent> answer(const std::string& id, std::initializer_list<std::string_view> types,
                            std::chrono::milliseconds deadline, const std::stop_token& stop = {});

 private:
  explicit Bus(const Endpoints& endpoints) : endpoints_(endpoints) {}

  Endpoints endpoints_;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<client::Answers> answers_;
  std::map<std::string, client::Answers::Position> expected_;
};

}  // namespace oppen::access
