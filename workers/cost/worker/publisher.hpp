#pragma once
// Puts charges on the topic `costs`, each into the partition from which its job's events came. One thread.
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "producers/client/kafka.hpp"
#include "workers/cost/ledger/ledger.hpp"

namespace oppen::cost {

class Publisher {
 public:
  // The producer must outlive this, and keep trying for ever (message.timeout.ms=0).
  explicit Publisher(client::Producer& producer) : producer_(producer) {}

  // Returns once the broker has acknowledged all: by partition, the offset behind the last of them. `go_on` is called while that
  // takes, several times a second. Errors: unavailable when it returned false, and what is not acknowledged may come later or
  // not; fatal.
  Result<std::map<int, std::int64_t>> publish(
      const std::vector<std::pair<int, const Charge*>>& charges,
      const std::function<bool()>& go_on);

 private:
  client::Producer& producer_;
};

}  // namespace oppen::cost
