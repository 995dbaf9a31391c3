// Proves how amounts and tables look: exact text for fixed widths, columns that are left out where
// there is no room (never an id cut in half), and that a user's text can't steer the terminal.
#include "producers/access/render.hpp"

#include <gtest/gtest.h>

namespace oppen::access {
namespace {

TEST(Duration, ShowsTheTwoLargestUnits) {
  EXPECT_EQ(duration_text(0), "0s");
  EXPECT_EQ(duration_text(45), "45s");
  EXPECT_EQ(duration_text(250), "4m 10s");
  EXPECT_EQ(duration_text(240), "4m 0s");
  EXPECT_EQ(duration_text(59.6), "1m 0s");
  EXPECT_EQ(duration_text(5'040), "1h 24m");
  EXPECT_EQ(duration_text(2 * 86'400 + 3 * 3'600 + 59), "2d 3h");
  EXPECT_EQ(duration_text(-5), "0s");
}

TEST(Age, IsTheTimeSinceThenOrNothing) {
  const Time now = *parse_rfc3339("2026-01-03T18:20:00Z");
  EXPECT_EQ(age_text("2026-01-03T18:15:50.000Z", now), "4m 10s");
  EXPECT_EQ(age_text("yesterday", now), "");
}

const std::vector<Column> columns = {
    {"JOB"}, {"MODEL", false, 1}, {"COST", true}, {"TEAM", false, 2}};
const std::vector<std::vector<std::string>> rows = {{"mnist-7", "mnist", "$0.0205", "vision"},
                                                    {"a-much-longer-id", "llm", "$12.00", "x"}};

TEST(Table, IsAsWideAsItsContents) {
  EXPECT_EQ(table(columns, rows, 0),
            "JOB               MODEL     COST  TEAM\n"
            "mnist-7           mnist  $0.0205  vision\n"
            "a-much-longer-id  llm     $12.00  x\n");
}

TEST(Table, FitsAtExactlyItsWidth) { EXPECT_EQ(table(columns, rows, 40), table(columns, rows, 0)); }

TEST(Table, LeavesOutTheLeastImportantColumnFirst) {
  EXPECT_EQ(table(columns, rows, 39),
            "JOB               MODEL     COST\n"
            "mnist-7           mnist  $0.0205\n"
            "a-much-longer-id  llm     $12.00\n");
  EXPECT_EQ(table(columns, rows, 30),
            "JOB                  COST\n"
            "mnist-7           $0.0205\n"
            "a-much-longer-id   $12.00\n");
}

TEST(Table, NeverCutsWhatMustStay) { EXPECT_EQ(table(columns, rows, 5), table(columns, rows, 30)); }

TEST(Table, LeavesOutColumnsWithoutContent) {
  EXPECT_EQ(table({{"A"}, {"EMPTY"}, {"B"}}, {{"1", "", "2"}, {"3", "", "4"}}, 0),
            "A  B\n1  2\n3  4\n");
  EXPECT_EQ(table({{"A"}, {"B"}}, {}, 0), "A  B\n");
}

TEST(Table, CountsCharactersNotBytes) {
  EXPECT_EQ(table({{"NAME"}, {"N", true}}, {{"Zürich", "1"}, {"Berlin", "2"}}, 0),
            "NAME    N\nZürich  1\nBerlin  2\n");
}

TEST(Table, DisarmsControlCharacters) {
  EXPECT_EQ(table({{"NAME"}}, {{"red\x1b[31m\n"}}, 0), "NAME\nred?[31m?\n");
}

TEST(Printable, HasNoControlCharacters) {
  EXPECT_EQ(printable("a\x1b[2J\n\x7f"), "a?[2J??");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J \xc2\xa3 \xc3\x9b"),
            "?2J \xc2\xa3 \xc3\x9b")
      << "of C1, and no other letters";
  EXPECT_EQ(printable_lines("a\x1b\n\nb\x9\n"), "a?\n\nb?\n");
  EXPECT_EQ(printable_lines(""), "");
}

}  // namespace
}  // namespace oppen::access
