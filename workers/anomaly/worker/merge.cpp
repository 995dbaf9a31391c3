#include "workers/anomaly/worker/merge.hpp"

#include <algorithm>

namespace oppen::anomaly {

void Merge::begin(const client::TopicPartition& partition, Time since) {
  const auto place = std::lower_bound(
      lanes_.begin(), lanes_.end(), partition,
      [](const Lane& lane, const client::TopicPartition& other) { return lane.partition < other; });
  lanes_.insert(place, Lane{partition, since, {}, {}});
  keys_.clear();
  for (const auto& lane : lanes_) keys_.push_back(lane.key());
}

void Merge::add(const client::TopicPartition& partition, std::int64_t offset, Happening happening) {
  const auto place = find(partition);
  auto& lane = lanes_[place];
  happening.at = lane.until = std::max(happening.at, lane.until);
  auto& item = lane.items.emplace_back();
  item.offset = offset;
  item.at = happening.at;
  if (auto* sampled = std::get_if<Sampled>(&happening.fact)) {
    item.what = std::move(*sampled);
  } else {
    item.what = std::make_unique<Happening>(std::move(happening));
  }
  if (lane.items.size() == 1) keys_[place] = lane.key();
  ++size_;
}

void Merge::heard(const client::TopicPartition& partition, Time until) {
  const auto place = find(partition);
  auto& lane = lanes_[place];
  lane.until = std::max(lane.until, until);
  keys_[place] = lane.key();
}

std::optional<Merge::Item> Merge::pop() {
  if (lanes_.empty()) return std::nullopt;
  const auto place = first();
  auto& lane = lanes_[place];
  if (lane.items.empty()) return std::nullopt;
  auto& front = lane.items.front();
  std::optional<Item> item(std::in_place);
  item->from = lane.partition;
  item->offset = front.offset;
  if (auto* sampled = std::get_if<Sampled>(&front.what)) {
    item->happening.at = item->happening.told = front.at;
    item->happening.fact = std::move(*sampled);
  } else {
    item->happening = std::move(*std::get<std::unique_ptr<Happening>>(front.what));
  }
  lane.popped = {front.offset + 1, front.at};
  lane.items.pop_front();
  keys_[place] = lane.key();
  --size_;
  return item;
}

std::vector<std::pair<client::TopicPartition, Merge::Popped>> Merge::take_popped() {
  std::vector<std::pair<client::TopicPartition, Popped>> all;
  for (auto& lane : lanes_) {
    if (lane.popped) all.emplace_back(lane.partition, *lane.popped);
    lane.popped.reset();
  }
  return all;
}

Time Merge::until() const { return lanes_.empty() ? Time{} : lanes_[first()].next(); }

Time Merge::reached(const client::TopicPartition& partition) const {
  const auto place = find(partition);
  return place == lanes_.size() ? Time{} : lanes_[place].until;
}

std::size_t Merge::size(const client::TopicPartition& partition) const {
  const auto place = find(partition);
  return place == lanes_.size() ? 0 : lanes_[place].items.size();
}

std::size_t Merge::find(const client::TopicPartition& partition) const {
  if (found_ < lanes_.size() && lanes_[found_].partition == partition) return found_;
  const auto place = std::find_if(lanes_.begin(), lanes_.end(),
                                  [&](const Lane& lane) { return lane.partition == partition; });
  return found_ = static_cast<std::size_t>(place - lanes_.begin());
}

std::size_t Merge::first() const {
  return static_cast<std::size_t>(std::min_element(keys_.begin(), keys_.end()) - keys_.begin());
}

}  // namespace oppen::anomaly
