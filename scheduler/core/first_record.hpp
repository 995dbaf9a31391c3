#pragma once
// A record that crashes the scheduler would do so for ever: each start reads it first. So the first record of a term is counted in Redis
// before it is handled, with the process that tries it; one that several processes have begun and none has finished is set aside.
// Core's thread.
#include <optional>
#include <string>

#include "scheduler/core/state.hpp"

namespace oppen::core {

// How often a record was begun and not finished, as Redis keeps it: "<offset> <count> <instance of the last>".
struct Tried {
  static constexpr int most = 3;

  std::int64_t offset = -1;
  int count = 0;
  std::string instance;

  static Tried parse(const std::string& text);  // what can't be read counts for nothing
  std::string text() const;
  // The same after `instance` has begun the record at `offset`. A process that tries again has not crashed.
  Tried next(std::int64_t offset, const std::string& instance) const;
};

class FirstRecord {
 public:
  FirstRecord(State& state, std::string instance);

  // Before a record of `jobs` is handled. A text: it is to be set aside, and why. Costs nothing after the first.
  Result<std::optional<std::string>> begin(std::int64_t offset);
  // It has been handled.
  Status end();

 private:
  State& state_;
  std::string instance_;
  bool begun_ = false;
  bool open_ = false;
};

}  // namespace oppen::core
