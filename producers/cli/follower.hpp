#pragma once
// Reads a topic whose events are keyed by job, all partitions or those of some jobs, from now or from the beginning. One thread.
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "producers/cli/context.hpp"

namespace oppen::cli {

class Follower {
 public:
  // `topic` without prefix. `jobs`: only the partitions that they are on; empty: all. Events that come after this call are
  // not missed. Errors: invalid (malformed properties), unavailable (Kafka or its topics are away).
  static Result<Follower> open(const Context& context, std::string_view topic,
                               const std::vector<std::string>& jobs, bool from_beginning);

  // The next event that is not a repetition (of job events, a `seq` that is not above the job's last; of others, an id that is among
  // the last 10,000), or nullopt when none came in time. What can't be decoded is passed over. Errors:
  // unavailable when Kafka has been away for 30 seconds.
  Result<std::optional<CloudEvent>> next(std::chrono::milliseconds timeout);

 private:
  Follower(const Context& context, std::string_view topic,
           std::unique_ptr<client::Consumer> consumer)
      : context_(&context), topic_(topic), consumer_(std::move(consumer)) {}
  bool is_repetition(const CloudEvent& event);
  bool is_known_id(const std::string& id);

  const Context* context_;
  std::string topic_;
  std::unique_ptr<client::Consumer> consumer_;
  std::map<std::string, std::int64_t> last_seq_;
  std::set<std::string> ids_;
  std::deque<std::string> ids_by_age_;
  std::optional<std::chrono::steady_clock::time_point> away_since_;
};

}  // namespace oppen::cli
