#pragma once
// That it is published what could have been saved on a run, and what comes of that. Plain values.
#include <string>
#include <vector>

#include "schemas/time.hpp"

namespace oppen::cost {

// A recommendation that a later run may follow.
struct Recommended {
  std::string place;  // of which there is one at a time: strategy and work
  std::string text;
};

// A recommendation that a run has followed.
struct Followed {
  std::string place;
  std::string text;  // as it stood there
  std::string strategy;
  bool kept = false;
  double saved_percent = 0;
};

struct Advised {
  std::string id;  // of the run, its run_key
  std::string model_type = {};
  Time ended_at = {};
  std::vector<Followed> followed = {};  // by this run
  std::vector<Recommended> given = {};
};

}  // namespace oppen::cost
