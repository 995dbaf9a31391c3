// Proves that what fuzzing has found stays mended: every input of the corpus goes through its parser, and its results hold.
#include <gtest/gtest.h>

#include "tests/fuzz/targets.hpp"
#include "tests/unit/telemetry/data.hpp"

namespace oppen::telemetry {
namespace {

TEST(FuzzCorpus, GoesThroughItsParsers) {
  int inputs = 0;
  for (const auto& folder : std::filesystem::directory_iterator(OPPEN_FUZZ_CORPUS)) {
    const auto target = fuzz::target(folder.path().filename().string());
    ASSERT_NE(target, nullptr) << folder.path();
    for (const auto& input : std::filesystem::directory_iterator(folder.path())) {
      SCOPED_TRACE(input.path());
      target(file_text(input.path()));
      ++inputs;
    }
  }
  EXPECT_GE(inputs, 40) << "the corpus is there";
}

}  // namespace
}  // namespace oppen::telemetry
