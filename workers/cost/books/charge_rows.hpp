#pragma once
// What a charge adds to the books, and how a day's rows are kept in its hash: a field for each key and amount. Pure, any thread.
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "schemas/costs.hpp"
#include "workers/cost/books/records.hpp"

namespace oppen::cost {

Spent spent_of(const CostAccrued& charge);
DayKey day_key_of(const CostAccrued& charge);

// "2026-01-03", as in the names of keys.
std::string day_text(std::chrono::sys_days day);

// The fields of a row and what is added to each; none for an amount of 0, nor for the total, which is a sum.
std::vector<std::pair<std::string, std::int64_t>> day_fields(const DayRow& row);
// Puts rows of the same key together.
class DayRows {
 public:
  void add(const DayRow& row);
  // A field of a day's hash. False when it is none. Of a day's fields, one after the other, each key is read once: a month has some
  // ten thousand fields.
  bool add(std::chrono::sys_days day, std::string_view field, std::int64_t amount);
  std::vector<DayRow> take();  // in the order of their keys

 private:
  using Key = std::tuple<std::chrono::sys_days, std::string, std::string, std::string, std::string,
                         std::string, std::string>;
  std::map<Key, Spent> rows_;
  // Of the day whose fields came last, by their text.
  std::chrono::sys_days day_{};
  std::map<std::string, Spent*, std::less<>> known_;
};

}  // namespace oppen::cost
