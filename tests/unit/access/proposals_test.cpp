// What is known of proposals is bounded, whatever stands on `control`: those that nobody can decide any more are forgotten first.
#include "producers/access/proposals.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "schemas/parse.hpp"

namespace oppen::access {
namespace {

using nlohmann::json;

const Time said_at{std::chrono::hours{500'000}};

class ProposalReaderTest : public testing::Test {
 protected:
  void take(std::string_view type, const json& data) {
    const CloudEvent event{"id", "/test", std::string(type), said_at, "", data};
    reader.take({"control", 0, next++, said_at, encode(event, "key")});
  }
  void propose(int number, Time expires = said_at + std::chrono::hours(1),
               std::size_t summary = 0) {
    ProposalCreated one;
    one.proposal_id = fmt::format("p-{:05}", number);
    one.kind = "optimization";
    one.summary = "Spot" + std::string(summary, '.');
    one.changes = {{"job_id", "llm-7"}, {"changes", {{"spot", true}}}};
    one.expires_at = expires;
    take(ProposalCreated::type, to_data(one));
  }
  void ask_to_run(int number) {
    ProposalCreated one;
    one.proposal_id = fmt::format("job-{}", number);
    one.kind = "budget";
    one.expires_at = said_at + std::chrono::hours(1);
    take(ProposalCreated::type, to_data(one));
  }
  bool knows(int number) const { return reader.known().contains(fmt::format("p-{:05}", number)); }

  std::int64_t next = 0;
  ProposalReader reader{Endpoints{}};
};

TEST_F(ProposalReaderTest, ForgetsWhatIsClosedFirstAndTheOldestFirst) {
  constexpr int most = ProposalReader::most_known;
  constexpr int decided = most / 10;
  for (int i = 0; i < most; ++i) {
    propose(i, i == 5'000 ? said_at - std::chrono::hours(1) : said_at + std::chrono::hours(1));
    if (i < decided)
      take(ApprovalDecided::type,
           {{"proposal_id", fmt::format("p-{:05}", i)}, {"decision", "reject"}, {"by", "ana"}});
  }
  ASSERT_EQ(reader.known().size(), ProposalReader::most_known);
  EXPECT_TRUE(reader.known().at("p-00000").decision);
  propose(most);
  EXPECT_EQ(reader.known().size(), ProposalReader::most_known / 10 * 9);
  EXPECT_FALSE(knows(0));
  EXPECT_FALSE(knows(decided - 1));
  EXPECT_FALSE(knows(5'000)) << "it has expired";
  EXPECT_TRUE(knows(decided)) << "it is open";
  EXPECT_TRUE(knows(most));
  for (int i = most + 1; i <= most + decided; ++i) propose(i);
  ASSERT_EQ(reader.known().size(), ProposalReader::most_known);
  propose(most + decided + 1);
  EXPECT_FALSE(knows(decided)) << "of those that are open the oldest";
  EXPECT_TRUE(knows(most + decided + 1));
}

TEST_F(ProposalReaderTest, WhatWasDecidedOfAChangeStaysLongerThanWhatAskedToRunAJob) {
  propose(0);
  take(ApprovalDecided::type, {{"proposal_id", "p-00000"}, {"decision", "reject"}, {"by", "ana"}});
  for (int i = 0; i < static_cast<int>(ProposalReader::most_known); ++i) {
    ask_to_run(i);
    take(ApprovalDecided::type,
         {{"proposal_id", fmt::format("job-{}", i)}, {"decision", "approve"}, {"by", "ana"}});
  }
  EXPECT_LT(reader.known().size(), ProposalReader::most_known);
  EXPECT_GT(reader.known().size(), std::size_t{1});
  EXPECT_TRUE(knows(0));
}

TEST_F(ProposalReaderTest, WhatAsksToRunAJobStaysUntilItIsDecided) {
  ask_to_run(0);
  for (int i = 0; i <= static_cast<int>(ProposalReader::most_known); ++i) {
    propose(i);
    take(ApprovalDecided::type,
         {{"proposal_id", fmt::format("p-{:05}", i)}, {"decision", "reject"}, {"by", "ana"}});
  }
  EXPECT_LT(reader.known().size(), ProposalReader::most_known);
  EXPECT_TRUE(reader.known().contains("job-0"));
}

TEST_F(ProposalReaderTest, CountsBytesAndWhatWasSaidOfEach) {
  constexpr std::size_t size = 900'000;
  constexpr auto most = static_cast<int>(ProposalReader::most_known_bytes / size);
  for (int i = 0; i < most + 5; ++i) propose(i, said_at + std::chrono::hours(1), size);
  EXPECT_LE(reader.known().size(), static_cast<std::size_t>(most));
  EXPECT_GE(reader.known().size(), static_cast<std::size_t>(most / 2));
  EXPECT_TRUE(knows(most + 4));
  // One that was proposed again counts once, and what is said of one that is forgotten is passed over.
  reader = ProposalReader{Endpoints{}};
  next = 0;
  for (int i = 0; i < most + 5; ++i) {
    propose(7, said_at - std::chrono::hours(1), size);
    if (i == 0) propose(1);
  }
  EXPECT_TRUE(knows(1));
  EXPECT_TRUE(knows(7));
  take(ApprovalDecided::type, {{"proposal_id", "p-00009"}, {"decision", "approve"}, {"by", "ana"}});
  EXPECT_EQ(reader.known().size(), 2U);
}

TEST_F(ProposalReaderTest, BeginsAnewWithTheTopic) {
  propose(1);
  propose(2);
  next = 0;
  propose(3);
  EXPECT_FALSE(knows(1));
  EXPECT_TRUE(knows(3));
}

}  // namespace
}  // namespace oppen::access
