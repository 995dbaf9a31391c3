#pragma once
// Reads the topic job-events, all partitions or those of some jobs, from now or from the beginning.
// One thread.
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "producers/cli/context.hpp"

namespace oppen::cli {

class JobFollower {
 public:
  // `jobs`: only the partitions that they are on; empty: all. Events that come after this call are
  // not missed. Errors: invalid (malformed properties), unavailable (Kafka or its topics are away).
  static Result<JobFollower> open(const Context& context, const std::vector<std::string>& jobs,
                                  bool from_beginning);

  // The next event that is not a repetition (consumers drop a `seq` that is not above the job's
  // last), or nullopt when none came in time. What can't be decoded is passed over. Errors:
  // unavailable when Kafka has been away for 30 seconds.
  Result<std::optional<CloudEvent>> next(std::chrono::milliseconds timeout);

 private:
  JobFollower(const Context& context, std::unique_ptr<client::Consumer> consumer)
      : context_(&context), consumer_(std::move(consumer)) {}
  bool is_repetition(const CloudEvent& event);

  const Context* context_;
  std::unique_ptr<client::Consumer> consumer_;
  std::map<std::string, std::int64_t> last_seq_;
  std::optional<std::chrono::steady_clock::time_point> away_since_;
};

}  // namespace oppen::cli
