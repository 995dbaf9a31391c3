#include "workers/anomaly/worker/lagging.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workers/anomaly/rules/rule.hpp"

namespace oppen::anomaly {

void Lagging::passed(Time at, const std::map<client::TopicPartition, std::int64_t>& ends) {
  if (at > last_ + behind) ends_.clear();
  last_ = at;
  for (const auto& [partition, end] : ends) {
    auto& known = ends_[partition];
    // Of a log that stands still the first moment is enough.
    if (known.empty() || known.back().second != end) known.emplace_back(at, end);
    while (known.size() > 1 && known[1].first + known_back < at) known.pop_front();
  }
}

std::vector<Finding> Lagging::look(
    Time now, const std::string& worker,
    const std::map<client::TopicPartition, std::int64_t>& committed) const {
  struct Behind {
    std::int64_t records = 0;
    std::chrono::milliseconds for_long{0};
  };
  std::map<std::string, Behind> topics;
  for (const auto& [partition, next] : committed) {
    const auto known = ends_.find(partition);
    if (known == ends_.end()) continue;
    auto& topic = topics[partition.topic];
    const auto reached = std::find_if(known->second.begin(), known->second.end(),
                                      [&](const auto& end) { return end.second > next; });
    if (reached == known->second.end()) continue;
    topic.records += known->second.back().second - next;
    topic.for_long = std::max(topic.for_long, now - reached->first);
  }
  std::vector<Finding> found;
  for (const auto& [name, topic] : topics) {
    const auto minutes = std::chrono::floor<std::chrono::minutes>(topic.for_long).count();
    auto finding = about("worker_lagging", {{"worker", worker}, {"topic", name}});
    finding.holds = topic.for_long >= behind;
    finding.severity = "warning";
    finding.badness = static_cast<double>(minutes);
    finding.actual = static_cast<double>(topic.records);
    finding.summary =
        fmt::format("{} is behind on {}: by {} records, some of them since {} minutes", worker,
                    name, topic.records, minutes);
    found.push_back(std::move(finding));
  }
  return found;
}

}  // namespace oppen::anomaly
