#pragma once
// What a follower of the log keeps is stored as fields of hashes.
#include <string>

namespace oppen::runtime {

struct Cell {
  std::string hash;  // with "+" before it: the value is added to the number that is there
  std::string field;
  std::string value;  // "": it is gone
};

}  // namespace oppen::runtime
