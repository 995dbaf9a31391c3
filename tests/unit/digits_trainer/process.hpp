// Runs a program for the tests of this folder, and gives back what it said and how it ended.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace oppen::digits_trainer {

struct Ended {
  int exit_code;       // 128 + signal when a signal ended it
  std::string output;  // of stdout and stderr together
};

// `on_line` is called with each line as it comes, and the process's id: to act when something has
// happened.
Ended run_program(const std::vector<std::string>& command,
                  const std::function<void(const std::string& line, int pid)>& on_line = {});

}  // namespace oppen::digits_trainer
