#include "workers/anomaly/worker/merge.hpp"

#include <algorithm>

namespace oppen::anomaly {

Entry::Entry(std::int64_t at_offset, Happening happening) : offset(at_offset), at(happening.at) {
  if (auto* sampled = std::get_if<Sampled>(&happening.fact)) {
    what = std::move(*sampled);
  } else {
    what = std::make_unique<Happening>(std::move(happening));
  }
}

void Merge::begin(Time since) {
  lanes_.push_back({since, {}, {}});
  keys_.push_back(lanes_.back().key());
}

void Merge::add(std::size_t place, Entry entry) {
  auto& lane = lanes_[place];
  entry.at = lane.until = std::max(entry.at, lane.until);
  lane.items.push_back(std::move(entry));
  if (lane.items.size() == 1) keys_[place] = lane.key();
  ++size_;
}

void Merge::heard(std::size_t place, Time until) {
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
  item->place = place;
  item->offset = front.offset;
  if (auto* sampled = std::get_if<Sampled>(&front.what)) {
    item->happening.told = front.at;
    item->happening.fact = std::move(*sampled);
  } else {
    item->happening = std::move(*std::get<std::unique_ptr<Happening>>(front.what));
  }
  item->happening.at = front.at;
  lane.popped = {front.offset + 1, front.at};
  lane.items.pop_front();
  keys_[place] = lane.key();
  --size_;
  return item;
}

std::vector<std::pair<std::size_t, Merge::Popped>> Merge::take_popped() {
  std::vector<std::pair<std::size_t, Popped>> all;
  for (std::size_t place = 0; place < lanes_.size(); ++place) {
    auto& lane = lanes_[place];
    if (lane.popped) all.emplace_back(place, *lane.popped);
    lane.popped.reset();
  }
  return all;
}

std::size_t Merge::first() const {
  return static_cast<std::size_t>(std::min_element(keys_.begin(), keys_.end()) - keys_.begin());
}

}  // namespace oppen::anomaly
