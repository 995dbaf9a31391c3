#pragma once
// The notifier: reads the topic alerts as the one active member of a group, keeps in Redis what is to be told by which route, and has it
// carried. All but the carrying happens on the thread that calls run.
//
// A turn takes some alerts, and what the carriers have done, stores both in one change, and hands out what is due. What a crash leaves
// unrecorded goes out again, under the same id: a receiver gets each state of an alert at least once.
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "producers/client/kafka.hpp"
#include "workers/notifier/route.hpp"
#include "workers/runtime/health_server.hpp"
#include "workers/runtime/http_client.hpp"

namespace oppen::notifier {

struct WorkerParts {
  const Clock& clock;
  runtime::Metrics& metrics;
  runtime::Health& health;
  client::Producer& producer;  // for the dead letter
  runtime::HttpClient& http;
};

class Worker {
 public:
  // `parts` must outlive this. Errors: invalid settings.
  static Result<std::unique_ptr<Worker>> create(const client::KafkaSettings& kafka,
                                                const std::string& redis_url,
                                                const std::vector<Route>& routes,
                                                const WorkerParts& parts);
  ~Worker();

  // Until it is asked to stop. Errors: fatal.
  Status run(const std::stop_token& stop);

  // The last receipts, the latest first, a JSON array. Any thread.
  std::string deliveries() const;

 private:
  struct Impl;
  explicit Worker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::notifier
