#pragma once
// What publish_batch (store.hpp) needs to know of a batch's staged jobs. Text and sums: ten thousand ids as strings of their own
// would take several times the memory. Plain values.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "scheduler/queue/record.hpp"
#include "schemas/units.hpp"

namespace oppen::queue {

struct StagedBatch {
  std::string order[3];  // by priority: "<place> <id> <place> <id> "
  MicroUsd cost[3];
  std::int64_t milliseconds[3] = {};
  int jobs = 0;

  // As it is staged.
  void add(const JobRecord& record);
  void each_id(const std::function<void(std::string_view id)>& take) const;
};

}  // namespace oppen::queue
