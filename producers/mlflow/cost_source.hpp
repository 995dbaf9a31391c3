#pragma once
// Where the bridge asks what runs have cost. Owned by the bridge; the tests have one of their own making.
#include <map>
#include <string>
#include <vector>

#include "schemas/error.hpp"
#include "schemas/units.hpp"

namespace oppen::mlflow {

class CostSource {
 public:
  virtual ~CostSource() = default;
  // `attempts`: at most 100 of "JOB_ID/ATTEMPT" or, of runs from outside, "RUN_ID". The cost of those that are charged to their end, by the same
  // texts; it may change by corrections. Waits for the answer, at most 10 seconds. Errors: unavailable (no answer: ask again later), refused.
  virtual Result<std::map<std::string, MicroUsd>> charged(
      const std::vector<std::string>& attempts) = 0;
};

}  // namespace oppen::mlflow
