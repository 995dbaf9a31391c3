#pragma once
// The file that --config names: "key = value" lines, # comments. Private to this folder.
#include <map>
#include <string>

#include "schemas/error.hpp"

namespace oppen::runtime {

struct ConfigValue {
  std::string value;
  int line = 0;  // from 1
};

// Values may stand in double quotes, which keep blanks and '#'. Invalid: no such file, a line
// without '=', a key twice.
Result<std::map<std::string, ConfigValue>> read_config_file(const std::string& path);

}  // namespace oppen::runtime
