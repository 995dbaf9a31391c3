#pragma once
// The topic `runs` as the bridge uses it. Owned by the bridge; the tests have one in memory.
#include <functional>
#include <vector>

#include "schemas/cloud_event.hpp"
#include "schemas/error.hpp"

namespace oppen::mlflow {

class RunsTopic {
 public:
  virtual ~RunsTopic() = default;

  // Whether the broker is there, as far as is known.
  virtual Status reachable() = 0;

  // Tells `take` of every record that the topic holds by now, in the order of each partition. Waits first until nothing of what was
  // handed to publish is on its way any more. Errors: unavailable; refused, not_found (the topic may not be read, or is not there).
  virtual Status read_back(const std::function<void(const KafkaRecord&)>& take) = 0;

  // Publishes and waits for the broker. For each record: ok, once it is kept; or invalid, when Kafka takes no such record. An Error in all
  // (unavailable, refused, not_found, fatal): nothing is known of any of them, some may still arrive. Call read_back before the next one.
  virtual Result<std::vector<Status>> publish(const std::vector<KafkaRecord>& records) = 0;
};

}  // namespace oppen::mlflow
