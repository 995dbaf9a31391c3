#include "workers/cost/usage/usage_book.hpp"

namespace oppen::cost {

Usage* UsageBook::find(View key) {
  const auto found = attempts_.find(key);
  return found == attempts_.end() ? nullptr : &found->second;
}

Usage* UsageBook::find_or_make(View key) {
  if (auto* usage = find(key)) return usage;
  if (attempts_.size() >= most_) return nullptr;
  return &attempts_.try_emplace(Key{std::string(key.job_id), key.attempt}).first->second;
}

void UsageBook::forget(View key) {
  const auto found = attempts_.find(key);
  if (found != attempts_.end()) attempts_.erase(found);
}

}  // namespace oppen::cost
