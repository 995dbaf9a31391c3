// What is counted after an attempt's end is read as it was written.
#include "workers/cost/budgets/unseen.hpp"

#include "tests/unit/budgets/given.hpp"

namespace oppen::budgets {
namespace {

TEST(Unseen, AFieldIsReadAsItWasWritten) {
  const Time ended{std::chrono::seconds(1'000'000'009)};
  const auto read = read_unseen(unseen_field("vision", "", ended), {7});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->team, "vision");
  EXPECT_EQ(read->project, "");
  EXPECT_EQ(read->cost.value, 7);
  EXPECT_EQ(*read->ended, Time(std::chrono::seconds(1'000'000'010)));  // not before it did
  EXPECT_EQ(read_unseen(unseen_field("", "ocr", ended), {7})->project, "ocr");
  EXPECT_FALSE(read_unseen("", {7}));
  EXPECT_FALSE(read_unseen("12", {7}));
}

TEST(Reserved, APairIsReadAsTheSchedulerWritesIt) {
  const auto read = read_reserved("vision -", {7});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->team, "vision");
  EXPECT_EQ(read->project, "");
  EXPECT_EQ(unspent(*read, Time::max()).value, 7);
  EXPECT_FALSE(read_reserved("vision", {7}));
}

}  // namespace
}  // namespace oppen::budgets
