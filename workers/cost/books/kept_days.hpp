#pragma once
// Days of the books as they were read last, for who asks for the same ones again and again: a month is some ten thousand fields in Redis, and
// mostly none but today's change. Each is kept under the version (store/scripts/lib.lua) that was read before its rows, and that whoever changes
// the day changes in the same step: so what is found by the version of now is never older than what a reading would tell. Of the latest
// days. Any thread.
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "workers/cost/books/records.hpp"

namespace oppen::cost {

class KeptDays {
 public:
  using Rows = std::shared_ptr<const std::vector<DayRow>>;
  static constexpr std::size_t most_rows = 20'000;  // some 6 MB

  // nullptr: it is not kept as of this version. "" is none.
  Rows find(std::chrono::sys_days day, const std::string& version) const;
  void keep(std::chrono::sys_days day, std::string version, Rows rows);

 private:
  struct Day {
    std::string version;
    Rows rows;
  };
  mutable std::mutex mutex_;
  std::map<std::chrono::sys_days, Day> days_;
  std::size_t rows_ = 0;  // of all
};

}  // namespace oppen::cost
