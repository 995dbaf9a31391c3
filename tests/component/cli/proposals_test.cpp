// Proves that `oppen proposals` shows what the scheduler keeps of several proposals and decisions with one id.
#include <gmock/gmock.h>

#include "tests/component/cli/cli_fixture.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;
using ::testing::SizeIs;

class ProposalsCommand : public CliFixture {
 protected:
  void say(const std::string& type, const json& data) {
    const CloudEvent event{"id", "/test", "dev.oppen." + type + ".v1", SystemClock().now(),
                           "",   data};
    const auto sent =
        producer_->send_and_wait("control", encode(event, "key"), std::chrono::seconds{20});
    ASSERT_TRUE(sent) << sent.error().message;
  }
  void propose(const std::string& summary, const json& changes,
               const std::string& expires = "2100-01-01T00:00:00Z") {
    say("proposal.created", {{"proposal_id", "p"},
                             {"kind", "test"},
                             {"summary", summary},
                             {"predicted_savings_microusd", 5},
                             {"changes", changes},
                             {"expires_at", expires}});
  }
  void decide(const std::string& decision) {
    say("approval.decided", {{"proposal_id", "p"}, {"decision", decision}, {"by", "ana"}});
  }
  json shown(bool decided) {
    std::vector<std::string> words{"proposals", "-o", "json"};
    if (decided) words.emplace_back("--decided");
    return json::parse(run(words).out)["proposals"];
  }

  const json override_{{"key", "backfill_enabled"}, {"value", "true"}};
};

TEST_F(ProposalsCommand, OfThoseThatChangeSomethingTheFirstIsShown) {
  propose("expired", override_, "2020-01-01T00:00:00Z");
  propose("first", override_);
  propose("second", override_);
  ASSERT_THAT(shown(false), SizeIs(1));
  EXPECT_EQ(shown(false)[0]["summary"], "first");
  decide("approve");
  decide("reject");  // it is approved already
  propose("third", override_);
  EXPECT_THAT(shown(false), SizeIs(0));
  ASSERT_THAT(shown(true), SizeIs(1));
  EXPECT_EQ(shown(true)[0]["summary"], "first");
  EXPECT_EQ(shown(true)[0]["decision"], "approve");
  decide("undo");
  EXPECT_EQ(shown(true)[0]["decision"], "undo");
}

// A job is proposed anew for its next attempt.
TEST_F(ProposalsCommand, OfThoseToRunAJobTheLastIsShown) {
  propose("first", {{"job_id", "p"}});
  decide("approve");
  propose("second", {{"job_id", "p"}});
  ASSERT_THAT(shown(false), SizeIs(1));
  EXPECT_EQ(shown(false)[0]["summary"], "second");
}

}  // namespace
}  // namespace oppen::cli
