// `oppen-anomaly score` on streams: a row for each row, and errors that name what is wrong.
#include "workers/anomaly/score/score.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/anomaly/streams.hpp"
#include "workers/anomaly/detect/novelty.hpp"

namespace oppen::anomaly {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Scored {
  std::string error;  // "" for none
  std::vector<std::string> lines;
};

Scored scored(const std::string& text) {
  std::istringstream in(text);
  std::stringstream out;
  const auto status = score(in, "series.csv", out);
  Scored result{status ? "" : status.error().message, {}};
  for (std::string line; std::getline(out, line);) result.lines.push_back(line);
  return result;
}

TEST(Score, GivesARowForEachRowAsItCame) {
  const auto result = scored(
      "timestamp,value\n2014-04-01 00:00:00,20.10\r\n 2014-04-01T00:05:00Z , -3e2\n\n"
      "2014-04-01T02:10:00+02:00,7");
  EXPECT_EQ(result.error, "");
  EXPECT_THAT(
      result.lines,
      ElementsAre("timestamp,value,anomaly_score", "2014-04-01 00:00:00,20.10,0.000000",
                  "2014-04-01T00:05:00Z,-3e2,0.000000", "2014-04-01T02:10:00+02:00,7,0.000000"));
}

TEST(Score, NeedsNoHeader) {
  EXPECT_EQ(scored("2014-04-01 00:00:00,1\n").lines.size(), 2U);
  EXPECT_EQ(scored("\xEF\xBB\xBFtimestamp,value\n2014-04-01 00:00:00,1\n").lines.size(), 2U);
  EXPECT_THAT(scored("").lines, ElementsAre("timestamp,value,anomaly_score"));
}

TEST(Score, IsTheDefaultDetectors) {
  auto stream = daily_wave(1500);
  stream[1200].value = 170;
  std::string text;
  for (const auto& row : stream)
    text += to_rfc3339(row.at) + "," + std::to_string(row.value) + "\n";
  const auto result = scored(text);
  ASSERT_EQ(result.lines.size(), stream.size() + 1);
  Novelty detector;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    stream[i].value = std::stod(std::to_string(stream[i].value));
    const double expected = to_unit(detector.add(stream[i]), Novelty::usual);
    const auto& line = result.lines[i + 1];
    ASSERT_NEAR(std::stod(line.substr(line.rfind(',') + 1)), expected, 1e-6) << line;
    if (i == 1200) {
      EXPECT_GT(expected, 0.9);
    }
  }
}

TEST(Score, NamesLineFieldAndValue) {
  const std::string good = "timestamp,value\n2014-04-01 00:00:00,1\n";
  for (const auto& [row, says] : std::vector<std::pair<std::string, std::string>>{
           {"2014-04-01 00:05:00,abc", "line 3: value is \"abc\": expected a number"},
           {"2014-04-01 00:05:00,", "value is \"\""},
           {"2014-04-01 00:05:00,nan", "value is \"nan\""},
           {"2014-04-01 00:05:00,inf", "value is \"inf\""},
           {"2014-04-01 00:05:00,-2e30", "value is \"-2e30\""},
           {"2014-04-01 00:05:00,1 2", "value is \"1 2\""},
           {"yesterday,1", "timestamp is \"yesterday\": expected a time"},
           {"2014-02-30 00:00:00,1", "timestamp is \"2014-02-30 00:00:00\""},
           {",1", "timestamp is \"\""},
           {"2014-04-01 00:05:00", "the row is \"2014-04-01 00:05:00\""},
           {"2014-04-01 00:05:00,1,2", "the row is"},
           {"timestamp,value", "timestamp is \"timestamp\""},
           {std::string("2014-04-01 00:05:00,1\0", 22), "value is \"1"},
           {std::string(2000, '1'), "has a line of more than 1000 bytes"}}) {
    const auto result = scored(good + row + "\n2014-04-01 00:10:00,1\n");
    EXPECT_THAT(result.error, HasSubstr("series.csv"));
    EXPECT_THAT(result.error, HasSubstr(says));
    EXPECT_EQ(result.lines.size(), 2U) << "the rows before it have been scored: " << row;
  }
}

TEST(Score, SaysThatTheOutputIsGone) {
  std::istringstream in("2014-04-01 00:00:00,1\n");
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  const auto status = score(in, "series.csv", out);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::fatal);
}

}  // namespace
}  // namespace oppen::anomaly
