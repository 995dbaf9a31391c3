// Whether there is room for a job: what is told as spent, what runs, what has just ended, and what period it is.
#include "workers/cost/budgets/book.hpp"

#include "tests/unit/budgets/given.hpp"

namespace oppen::budgets {
namespace {

using namespace std::chrono_literals;

const Time month = at("2026-11-01T00:00:00Z");
const Time noon = at("2026-11-20T12:00:00Z");

const Standing* in_the_way_of(const Book& book, const std::vector<Commitment>& commitments,
                              std::int64_t cost, Time now = noon, bool approved = false) {
  static std::vector<Standing> standings;
  standings = book.standings(commitments, now);
  return in_the_way(standings, "vision", "ocr", {cost}, approved);
}

TEST(Book, SpentAndCommittedLeaveWhatIsLeft) {
  Book book;
  ASSERT_TRUE(book.take(budget("vision", 100, "hard", {"vision", ""})));
  book.take(state("vision", 60, month, {"vision", ""}), noon);
  const std::vector<Commitment> waiting_pod{{"vision", "ocr", {30}}};
  EXPECT_EQ(in_the_way_of(book, waiting_pod, 10), nullptr);
  ASSERT_NE(in_the_way_of(book, waiting_pod, 11), nullptr);
  EXPECT_EQ(in_the_way_of(book, waiting_pod, 11)->set.budget_id, "vision");
  // Another team's costs and jobs are nothing to it.
  EXPECT_EQ(in_the_way_of(book, {{"speech", "ocr", {30}}}, 40), nullptr);
  EXPECT_EQ(in_the_way(book.standings({}, noon), "speech", "ocr", {1'000}, false), nullptr);
}

// It runs for 100 s and costs 100; 25 s of it are surely in what was spent 70 s after its start: the rest may not be charged yet.
TEST(Book, OfARunWhatHasAccruedIsNotCountedTwice) {
  const Commitment run{"vision", "ocr", {100}, 100, noon};
  EXPECT_EQ(unspent(run, noon - 1s).value, 100);
  EXPECT_EQ(unspent(run, noon + 45s).value, 100);
  EXPECT_EQ(unspent(run, noon + 70s).value, 75);
  EXPECT_EQ(unspent(run, noon + 145s).value, 0);
}

TEST(Book, WhatHasEndedCountsUntilItIsSurelyInWhatIsTold) {
  Commitment ended{"vision", "ocr", {100}, 100, noon, noon + 100s};
  EXPECT_EQ(unspent(ended, noon + 100s).value, 100);
  EXPECT_EQ(unspent(ended, noon + 100s + settling - 1s).value, 100);
  EXPECT_EQ(unspent(ended, noon + 100s + settling).value, 0);
}

// Nothing new is told: the keeper is dead. What has ended since goes on counting.
TEST(Book, AnOldStateLetsNothingThrough) {
  Book book;
  ASSERT_TRUE(book.take(budget("all", 100)));
  book.take(state("all", 40, month), noon - 10min);
  const std::vector<Commitment> ended{{"vision", "ocr", {50}, 60, noon - 5min, noon - 4min}};
  EXPECT_EQ(in_the_way_of(book, ended, 10), nullptr);
  EXPECT_NE(in_the_way_of(book, ended, 11), nullptr);
  book.take(state("all", 90, month), noon);
  EXPECT_EQ(in_the_way_of(book, ended, 10), nullptr);
  EXPECT_NE(in_the_way_of(book, ended, 11), nullptr);
}

// Nobody has summed it yet: a budget that was spent long before it was set lets nothing through meanwhile.
TEST(Book, WhatIsNotSummedHoldsUntilItIs) {
  Book book;
  ASSERT_TRUE(book.take(budget("all", 100)));
  EXPECT_NE(in_the_way_of(book, {}, 0), nullptr);
  EXPECT_EQ(sentence(*in_the_way_of(book, {}, 5'000'000), {5'000'000}),
            "what is spent of $0.00 is not summed yet, and this needs $5.00");
  // Said by a keeper that still goes by what the budget was.
  book.take(state("all", 0, month, {"vision", ""}), noon);
  EXPECT_NE(in_the_way_of(book, {}, 1), nullptr);
  auto quarter = state("all", 0, at("2026-10-01T00:00:00Z"));
  quarter.period = "quarter";
  book.take(quarter, noon);
  EXPECT_NE(in_the_way_of(book, {}, 1), nullptr);
  book.take(state("all", 99, month), noon);
  EXPECT_EQ(in_the_way_of(book, {}, 1), nullptr);
  EXPECT_NE(in_the_way_of(book, {}, 2), nullptr);
}

// A keeper that was paused goes on for a moment although another has taken over.
TEST(Book, AStateFromBeforeTheOneKnownIsDropped) {
  Book book;
  ASSERT_TRUE(book.take(budget("all", 100)));
  book.take(state("all", 90, month), noon);
  book.take(state("all", 10, month), noon - 1s);
  EXPECT_NE(in_the_way_of(book, {}, 11), nullptr);
  book.take(state("all", 80, month), noon);
  EXPECT_EQ(in_the_way_of(book, {}, 20), nullptr);
}

TEST(Book, ANewPeriodBeginsWithNothingSpent) {
  Book book;
  ASSERT_TRUE(book.take(budget("all", 100)));
  book.take(state("all", 100, month), noon);
  EXPECT_NE(in_the_way_of(book, {}, 1), nullptr);
  EXPECT_EQ(in_the_way_of(book, {}, 100, at("2026-12-01T00:00:00Z")), nullptr);
}

TEST(Book, SoftBudgetsHoldNobodyAndApprovedJobsPassThoseOfApproval) {
  Book book;
  ASSERT_TRUE(book.take(budget("soft", 1, "soft")));
  EXPECT_FALSE(book.holds());
  EXPECT_EQ(in_the_way_of(book, {}, 50), nullptr);
  ASSERT_TRUE(book.take(budget("ask", 10, "approval")));
  book.take(state("ask", 0, month), noon);
  EXPECT_TRUE(book.holds());
  EXPECT_NE(in_the_way_of(book, {}, 50), nullptr);
  EXPECT_EQ(in_the_way_of(book, {}, 50, noon, true), nullptr);
  ASSERT_TRUE(book.take(budget("hard", 20, "hard")));
  EXPECT_EQ(in_the_way_of(book, {}, 50, noon, true)->set.budget_id, "hard");
}

TEST(Book, TheLastOneCountsAndNothingWithdraws) {
  Book book;
  ASSERT_TRUE(book.take(budget("b", 10)));
  book.take(state("b", 10, month), noon);
  ASSERT_TRUE(book.take(budget("b", 30)));  // what was told of it still holds
  EXPECT_EQ(in_the_way_of(book, {}, 20), nullptr);
  EXPECT_NE(in_the_way_of(book, {}, 21), nullptr);
  ASSERT_TRUE(
      book.take(budget("b", 30, "hard", {"vision", ""})));  // of another scope nothing is known
  EXPECT_NE(in_the_way_of(book, {}, 1), nullptr);
  ASSERT_TRUE(book.take(budget("b", 0)));
  EXPECT_TRUE(book.empty());
}

TEST(Book, ThereIsABoundAndABadOneChangesNothing) {
  Book book;
  for (std::size_t i = 0; i < most_budgets; ++i)
    ASSERT_TRUE(book.take(budget("b" + std::to_string(i), 10)));
  const auto more = book.take(budget("more", 10));
  ASSERT_FALSE(more);
  EXPECT_NE(more.error().find("budget_id is \"more\""), std::string::npos);
  auto wrong = budget("b0", 99);
  wrong.thresholds = {90, 20};
  ASSERT_FALSE(book.take(wrong));
  EXPECT_EQ(book.sets().at("b0").amount.value, 10);
}

TEST(Book, IsStoredWhole) {
  Book book;
  ASSERT_TRUE(book.take(budget("vision", 100, "approval", {"vision", "ocr"})));
  book.take(state("vision", 60, month, {"vision", "ocr"}), noon);
  const auto again = Book::parse(book.text());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->text(), book.text());
  EXPECT_EQ(again->standings({}, noon).at(0).spent.value, 60);
  EXPECT_FALSE(Book::parse("{}"));
  EXPECT_FALSE(Book::parse(R"({"sets":[{"budget_id":"b"}],"told":[]})"));
}

}  // namespace
}  // namespace oppen::budgets
