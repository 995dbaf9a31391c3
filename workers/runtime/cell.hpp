#pragma once
// What a follower of the log keeps is stored as fields of hashes.
#include <string>

namespace oppen::runtime {

struct Cell {
  std::string hash;
  std::string field;
  std::string value;  // "": it is gone
};

}  // namespace oppen::runtime
