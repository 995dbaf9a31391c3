#include "workers/cost/books/kept_days.hpp"

namespace oppen::cost {

KeptDays::Rows KeptDays::find(std::chrono::sys_days day, const std::string& version) const {
  const std::lock_guard lock(mutex_);
  const auto found = days_.find(day);
  if (version.empty() || found == days_.end() || found->second.version != version) return nullptr;
  return found->second.rows;
}

void KeptDays::keep(std::chrono::sys_days day, std::string version, Rows rows) {
  if (version.empty()) return;
  const std::lock_guard lock(mutex_);
  auto& kept = days_[day];
  if (kept.rows) rows_ -= kept.rows->size();
  rows_ += rows->size();
  kept = {std::move(version), std::move(rows)};
  while (rows_ > most_rows) {
    rows_ -= days_.begin()->second.rows->size();
    days_.erase(days_.begin());
  }
}

}  // namespace oppen::cost
