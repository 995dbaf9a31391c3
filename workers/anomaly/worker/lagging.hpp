#pragma once
// Workers that are behind: what was in a log ten minutes ago they have not handled yet, by what their groups have committed. Pure; one thread.
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "producers/client/kafka.hpp"
#include "workers/anomaly/finding.hpp"

namespace oppen::anomaly {

class Lagging {
 public:
  static constexpr std::chrono::minutes behind{10};
  static constexpr std::chrono::minutes known_back{60};

  // Up to where each log went at that time, once a minute. Where it wasn't told for longer than `behind`, all was down: what the logs held
  // before is not what anybody should have handled meanwhile.
  void passed(Time at, const std::map<client::TopicPartition, std::int64_t>& ends);
  // `committed`: of one worker's group.
  std::vector<Finding> look(Time now, const std::string& worker,
                            const std::map<client::TopicPartition, std::int64_t>& committed) const;

 private:
  std::map<client::TopicPartition, std::deque<std::pair<Time, std::int64_t>>> ends_;
  Time last_{};
};

}  // namespace oppen::anomaly
