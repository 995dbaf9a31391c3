#include "workers/anomaly/worker/merge.hpp"

#include <algorithm>

namespace oppen::anomaly {

void Merge::begin(const client::TopicPartition& partition, Time since) {
  lanes_[partition].until = since;
}

void Merge::add(const client::TopicPartition& partition, std::int64_t offset, Happening happening) {
  auto& lane = lanes_[partition];
  happening.at = lane.until = std::max(happening.at, lane.until);
  lane.items.push_back({partition, offset, std::move(happening)});
  ++size_;
}

void Merge::heard(const client::TopicPartition& partition, Time until) {
  auto& lane = lanes_[partition];
  lane.until = std::max(lane.until, until);
}

std::optional<Merge::Item> Merge::pop() {
  Lane* first = nullptr;
  for (auto& [partition, lane] : lanes_) {
    if (first == nullptr || lane.next() < first->next() ||
        (lane.next() == first->next() && lane.items.empty()))
      first = &lane;
  }
  if (first == nullptr || first->items.empty()) return std::nullopt;
  auto item = std::move(first->items.front());
  first->items.pop_front();
  --size_;
  return item;
}

Time Merge::until() const {
  if (lanes_.empty()) return {};
  return std::min_element(
             lanes_.begin(), lanes_.end(),
             [](const auto& a, const auto& b) { return a.second.next() < b.second.next(); })
      ->second.next();
}

Time Merge::reached(const client::TopicPartition& partition) const {
  const auto lane = lanes_.find(partition);
  return lane == lanes_.end() ? Time{} : lane->second.until;
}

std::size_t Merge::size(const client::TopicPartition& partition) const {
  const auto lane = lanes_.find(partition);
  return lane == lanes_.end() ? 0 : lane->second.items.size();
}

}  // namespace oppen::anomaly
