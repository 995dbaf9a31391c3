// Proves which days a person means: a month, a quarter, days with the last one included, nothing at all; and that what can't be
// meant is named.
#include "workers/cost/report/range.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace oppen::cost {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const Time now = parse_rfc3339("2026-02-10T13:00:00Z").value();

std::string shown(const RangeWords& words) {
  const auto range = parse_range(words, now);
  return range ? to_text(range->from) + " " + to_text(range->to) : range.error().message;
}

TEST(Range, OfAMonthAndOfAQuarter) {
  EXPECT_EQ(shown({.month = "2026-01"}), "2026-01-01 2026-02-01");
  EXPECT_EQ(shown({.month = "2025-12"}), "2025-12-01 2026-01-01");
  EXPECT_EQ(shown({.month = "2028-02"}), "2028-02-01 2028-03-01");
  EXPECT_EQ(shown({.quarter = "2026-Q1"}), "2026-01-01 2026-04-01");
  EXPECT_EQ(shown({.quarter = "2025-Q4"}), "2025-10-01 2026-01-01");
}

TEST(Range, OfDaysWithTheLastOne) {
  EXPECT_EQ(shown({.from = "2026-01-01", .to = "2026-01-31"}), "2026-01-01 2026-02-01");
  EXPECT_EQ(shown({.from = "2026-01-03", .to = "2026-01-03"}), "2026-01-03 2026-01-04");
  EXPECT_EQ(shown({.from = "2026-02-03"}), "2026-02-03 2026-02-11");  // up to today
  EXPECT_EQ(shown({.to = "2026-01-15"}), "2026-01-01 2026-01-16");    // of its month
  EXPECT_EQ(shown({}), "2026-02-01 2026-03-01");                      // this month
}

TEST(Range, BeforeIsAsLong) {
  const DayRange february = *parse_range({.month = "2026-02"}, now);
  EXPECT_EQ(february.days(), 28);
  EXPECT_EQ(to_text(february.before().from), "2026-01-04");
  EXPECT_EQ(february.before().to, february.from);
}

TEST(Range, NamesWhatCannotBeMeant) {
  EXPECT_THAT(shown({.month = "2026-13"}),
              AllOf(HasSubstr("month is \"2026-13\""), HasSubstr("2026-01")));
  EXPECT_THAT(shown({.month = "January"}), HasSubstr("month is \"January\""));
  EXPECT_THAT(shown({.quarter = "2026-Q5"}), AllOf(HasSubstr("2026-Q5"), HasSubstr("2026-Q1")));
  EXPECT_THAT(shown({.from = "2026-02-30"}), HasSubstr("from is \"2026-02-30\""));
  EXPECT_THAT(shown({.to = "2026-1-3"}), HasSubstr("to is \"2026-1-3\""));
  EXPECT_THAT(shown({.from = "2026-02-02", .to = "2026-02-01"}),
              AllOf(HasSubstr("from is \"2026-02-02\""), HasSubstr("not after to, 2026-02-01")));
  EXPECT_THAT(shown({.from = "2026-03-01"}), HasSubstr("up to today, 2026-02-10"));
  EXPECT_THAT(shown({.from = "2024-01-01", .to = "2026-01-01"}), HasSubstr("at most 366 days"));
  EXPECT_THAT(shown({.from = "2026-01-01", .month = "2026-01"}),
              HasSubstr("one of month, quarter"));
}

}  // namespace
}  // namespace oppen::cost
