// Proves that a process that has let go of its code's pages has fewer of them in memory and goes on as before.
#include "workers/runtime/memory.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>
#include <string>

namespace oppen::runtime {
namespace {

// Of files, in kB.
int resident_of_files() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::stoi(line.substr(8));
  }
  throw std::runtime_error("/proc/self/status says no RssFile");
}

TEST(Memory, ReleasedCodeIsOutOfMemoryAndComesBackWhenItRuns) {
  const auto before = resident_of_files();
  release_code();
  EXPECT_LT(resident_of_files(), before);
  // Code, constants, virtual tables and unwinding of this program and of libraries.
  try {
    static_cast<void>(std::stoi("no number"));
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "stoi");
  }
}

}  // namespace
}  // namespace oppen::runtime
