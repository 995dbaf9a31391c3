// Proves the form of both kinds of log lines, that what is logged can't forge a line, and that a
// lasting condition is logged when it begins and ends.
#include "workers/runtime/log.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace oppen::runtime {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

template <class Write>
std::string logged(const std::string& format, Write write) {
  testing::internal::CaptureStderr();
  start_logging("oppen-test", "info", format);
  write();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, WritesTextForPeople) {
  EXPECT_THAT(logged("text", [] { spdlog::info("job {} queued", "a"); }),
              MatchesRegex("20[0-9-]+T[0-9:.]+Z info  oppen-test: job a queued\n"));
  EXPECT_THAT(logged("text", [] { spdlog::warn("slow"); }), HasSubstr("Z warn  oppen-test: slow"));
}

TEST(Log, LeavesOutWhatIsBelowTheLevel) {
  EXPECT_EQ(logged("text", [] { spdlog::debug("detail"); }), "");
}

TEST(Log, WritesOneJsonObjectALine) {
  const auto line = logged("json", [] { spdlog::error("a \"quoted\" \xff\nthing"); });
  const auto object = nlohmann::json::parse(line);
  EXPECT_EQ(object.at("level"), "error");
  EXPECT_EQ(object.at("program"), "oppen-test");
  EXPECT_EQ(object.at("message"), "a \"quoted\" \xef\xbf\xbd\nthing");
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST(Log, LetsNothingForgeALine) {
  const auto text =
      logged("text", [] { spdlog::info("name\n2026-01-01T00:00:00.000Z error fake: x"); });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, HasSubstr("name\\n2026"));
}

TEST(Recurring, IsLoggedWhenItBeginsAndEnds) {
  Recurring outage;
  EXPECT_FALSE(outage.end());
  EXPECT_TRUE(outage.begin_or_due());
  EXPECT_FALSE(outage.begin_or_due());
  EXPECT_TRUE(outage.end());
  EXPECT_FALSE(outage.end());
  EXPECT_TRUE(outage.begin_or_due());
}

}  // namespace
}  // namespace oppen::runtime
