// Proves that settings which would put a secret into the log are refused.
#include "producers/telemetry/options.hpp"

#include <gmock/gmock.h>

#include <array>

namespace oppen::telemetry {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Options, RefuseAnExporterWithAPasswordAndDoNotRepeatIt) {
  const std::array<const char*, 3> arguments{"oppen-telemetry", "--dcgm-url",
                                             "http://user:secret@127.0.0.1:9400/metrics"};
  Options options;
  testing::internal::CaptureStderr();
  const auto exit_code = options.parse(static_cast<int>(arguments.size()), arguments.data());
  const auto said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(exit_code, 2);
  EXPECT_THAT(said, AllOf(HasSubstr("--dcgm-url"), HasSubstr("'@'"), Not(HasSubstr("secret"))));
}

}  // namespace
}  // namespace oppen::telemetry
