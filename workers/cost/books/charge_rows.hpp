#pragma once
// What a charge adds to the books, and how a day's rows are kept in its hash: a field for each key and amount. Pure, any thread.
#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
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
  // A field of a day's hash. False when it is none. Each key is read once, however many days and amounts have it: a month has some ten
  // thousand fields.
  bool add(std::chrono::sys_days day, std::string_view field, std::int64_t amount);
  std::vector<DayRow> take();  // in the order of their days and keys

 private:
  using Key =
      std::array<std::string, 6>;  // team, project, model type, workload type, GPU type, namespace
  using Day = std::vector<std::optional<Spent>>;  // by the number of the key
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::size_t number_of(Key key);
  Spent& at(std::chrono::sys_days day, std::size_t number);

  std::map<Key, std::size_t> numbers_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>>
      known_;  // numbers, by the text of fields
  std::map<std::chrono::sys_days, Day> days_;
};

}  // namespace oppen::cost
