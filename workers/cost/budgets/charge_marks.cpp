#include "workers/cost/budgets/charge_marks.hpp"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

namespace oppen::budgets {
namespace {

// The N that ends an id: "job/1/from-to/cN" of a correction, "job/1/from-to/N" of what follows it, none before the first.
int corrections_of(const std::string& id) {
  auto last = std::string_view(id).substr(id.rfind('/') + 1);
  if (last.starts_with('c')) last.remove_prefix(1);
  int number = 0;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), number);
  return error == std::errc{} && end == last.data() + last.size() ? number : 0;
}

Time from_ms(std::int64_t milliseconds) { return Time(std::chrono::milliseconds(milliseconds)); }
std::int64_t to_ms(Time time) { return time.time_since_epoch().count(); }

}  // namespace

bool ChargeMarks::take(const std::string& id, const CostAccrued& charge, Time seen) {
  const auto name =
      fmt::format("{}/{}", charge.job_id.empty() ? charge.run_id : charge.job_id, charge.attempt);
  const int corrections = corrections_of(id);
  if (const auto known = marks_.find(name); known != marks_.end()) {
    const auto& mark = known->second;
    const bool is_new =
        charge.correction ? corrections > mark.corrections
                          : corrections > mark.corrections || (corrections == mark.corrections &&
                                                               charge.interval_start >= mark.until);
    if (!is_new) return false;
  }
  marks_[name] = {corrections, charge.correction ? charge.interval_start : charge.interval_end,
                  seen};
  changed_.insert(name);
  return true;
}

void ChargeMarks::forget(Time now) {
  for (auto mark = marks_.begin(); mark != marks_.end();) {
    if (mark->second.seen + keep < now) {
      changed_.insert(mark->first);
      mark = marks_.erase(mark);
    } else {
      ++mark;
    }
  }
}

void ChargeMarks::take_changes(std::vector<runtime::Cell>& cells) {
  for (const auto& name : changed_) {
    const auto found = marks_.find(name);
    cells.push_back({hash, name,
                     found == marks_.end()
                         ? ""
                         : fmt::format("{} {} {}", found->second.corrections,
                                       to_ms(found->second.until), to_ms(found->second.seen))});
  }
  changed_.clear();
}

bool ChargeMarks::load(const std::string& name, const std::string& value) {
  std::istringstream text(value);
  std::int64_t until = 0;
  std::int64_t seen = 0;
  Mark mark;
  if (!(text >> mark.corrections >> until >> seen)) return false;
  mark.until = from_ms(until);
  mark.seen = from_ms(seen);
  marks_[name] = mark;
  return true;
}

}  // namespace oppen::budgets
