#pragma once
// Another program, run without a shell for what it prints.
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "schemas/error.hpp"

namespace oppen::telemetry {

struct ChildOutput {
  int exit_code = 0;  // 128 + the signal that ended it
  std::string out;
  std::string error;
};

// The executable file that `program` names: itself if there is a slash in it, else the first on PATH. Errors: not_found.
Result<std::string> find_program(const std::string& program);

// Runs one program, again and again. One thread.
class ChildRunner {
 public:
  // Kills what still runs; a process that even SIGKILL can't end is left to init.
  ~ChildRunner();

  // Waits for the program's end. It gets of our environment PATH and LD_LIBRARY_PATH, and no input. Errors: unavailable (it can't be
  // started, takes longer than `patience` and is killed, or an earlier one hangs in the kernel even so), invalid (it prints more than
  // `most` bytes).
  Result<ChildOutput> run(const std::string& file, const std::vector<std::string>& arguments,
                          std::chrono::milliseconds patience, std::size_t most);

 private:
  bool reap(int& status);
  void kill_and_reap();

  pid_t running_ = 0;  // and, as its process group, what it has started itself
};

}  // namespace oppen::telemetry
