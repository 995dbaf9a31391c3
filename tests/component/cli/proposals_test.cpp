// Proves that `oppen proposals` shows what the scheduler keeps of several proposals and decisions with one id.
#include <gmock/gmock.h>
#include <httplib.h>

#include <thread>

#include "tests/component/cli/cli_fixture.hpp"
#include "tests/support/httplib_statics.hpp"

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

// Whoever chooses a job's id must not choose what is approved.
TEST_F(ProposalsCommand, OfAJobAndAProposalWithOneIdItIsSaidWhichOneIsMeant) {
  httplib::Server console;
  console.Get("/api/v1/jobs/p", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(R"({"job_id": "p", "state": "queued"})", "application/json");
  });
  console_url_ = "http://127.0.0.1:" + std::to_string(console.bind_to_any_port("127.0.0.1"));
  std::jthread serving([&] { console.listen_after_bind(); });
  const std::unique_ptr<httplib::Server, void (*)(httplib::Server*)> stopping(
      &console, [](httplib::Server* server) { server->stop(); });
  while (!console.is_running()) std::this_thread::yield();
  propose("harmless", override_);
  const auto either = run({"approve", "p"});
  EXPECT_EQ(either.exit_code, 1);
  EXPECT_THAT(either.err, ::testing::HasSubstr("--job or --proposal"));
  EXPECT_EQ(run({"approve", "p", "--job", "--proposal"}).exit_code, 2);
  EXPECT_EQ(json::parse(run({"approve", "p", "--job", "-o", "json"}).out)["job_id"], "p");
  EXPECT_THAT(shown(true), SizeIs(0)) << "the job's approval is none of the proposal";
  EXPECT_EQ(json::parse(run({"approve", "p", "--proposal", "-o", "json"}).out)["proposal_id"], "p");
  EXPECT_THAT(shown(true), SizeIs(1));
  EXPECT_EQ(run({"approve", "q", "--proposal"}).exit_code, 4);
}

}  // namespace
}  // namespace oppen::cli
