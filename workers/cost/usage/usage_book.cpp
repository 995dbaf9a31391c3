#include "workers/cost/usage/usage_book.hpp"

#include <utility>

namespace oppen::cost {
namespace {

std::uint64_t hash_of(UsageBook::View key) {
  return key_of_device(key.job_id) + static_cast<std::uint64_t>(key.attempt);
}

bool same_key(UsageBook::View a, UsageBook::View b) {
  return a.attempt == b.attempt && a.job_id == b.job_id;
}

}  // namespace

std::size_t UsageBook::slot_of(std::uint64_t hash, View key) const {
  auto slot = hash & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = behind(slot)) {
    const auto& entry = entries_[slots_[slot] - 1];
    if (entry.hash == hash && same_key(entry.key, key)) break;
  }
  return slot;
}

void UsageBook::grow() {
  slots_.assign(slots_.empty() ? 16 : 2 * slots_.size(), 0);
  for (std::size_t i = 0; i < entries_.size(); ++i)
    slots_[slot_of(entries_[i].hash, entries_[i].key)] = static_cast<Slot>(i + 1);
}

Usage& UsageBook::put(std::uint64_t hash, Key key) {
  if (2 * (entries_.size() + 1) > slots_.size()) grow();
  const auto slot = slot_of(hash, key);
  entries_.push_back({hash, std::move(key), {}});
  slots_[slot] = static_cast<Slot>(entries_.size());
  return entries_.back().usage;
}

// The last entry takes the place of the one that goes, and each of those behind in the row that could stand nearer moves up.
void UsageBook::erase(std::size_t slot) {
  const auto place = slots_[slot] - 1;
  if (place + 1 != entries_.size()) {
    slots_[slot_of(entries_.back().hash, entries_.back().key)] = place + 1;
    entries_[place] = std::move(entries_.back());
  }
  entries_.pop_back();
  const auto mask = slots_.size() - 1;
  for (auto next = behind(slot); slots_[next] != 0; next = behind(next)) {
    const auto wanted = entries_[slots_[next] - 1].hash & mask;
    if (((next - wanted) & mask) < ((next - slot) & mask)) continue;
    slots_[slot] = slots_[next];
    slot = next;
  }
  slots_[slot] = 0;
}

Usage* UsageBook::found(std::size_t place) {
  constexpr std::size_t line = 64;
  next_ = place + 1;
  if (next_ < entries_.size()) __builtin_prefetch(entries_[next_].key.job_id.data());
  if (next_ + 1 < entries_.size()) {
    const auto* const entry = reinterpret_cast<const char*>(&entries_[next_ + 1]);
    for (std::size_t i = 0; i < sizeof(Entry); i += line) __builtin_prefetch(entry + i);
  }
  return &entries_[place].usage;
}

Usage* UsageBook::find(View key) {
  // Agents tell of the same GPUs again and again, in the same order.
  if (next_ < entries_.size() && same_key(entries_[next_].key, key)) return found(next_);
  if (slots_.empty()) return nullptr;
  const auto slot = slot_of(hash_of(key), key);
  return slots_[slot] == 0 ? nullptr : found(slots_[slot] - 1);
}

Usage* UsageBook::find_or_make(View key) {
  if (auto* usage = find(key)) return usage;
  if (entries_.size() >= most_) return nullptr;
  return &put(hash_of(key), {std::string(key.job_id), key.attempt});
}

void UsageBook::load(const Key& key, Usage usage) {
  auto* known = find(key);
  (known == nullptr ? put(hash_of(key), key) : *known) = std::move(usage);
}

void UsageBook::forget(View key) {
  if (slots_.empty()) return;
  const auto slot = slot_of(hash_of(key), key);
  if (slots_[slot] != 0) erase(slot);
}

}  // namespace oppen::cost
