// Proves that the dead letter is shown as it is, and that a replay publishes a record untouched,
// under its key, where it came from.
#include <gmock/gmock.h>

#include "tests/component/cli/cli_fixture.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class DeadLetters : public CliFixture {
 protected:
  void set_aside(const std::string& key, const std::string& error) {
    const KafkaRecord record{key,
                             "not { json",
                             {{"ce_type", "dev.oppen.job.submit.v1"},
                              {"oppen_error", error},
                              {"oppen_topic", "oppen.jobs"},
                              {"oppen_partition", "0"},
                              {"oppen_offset", "41"},
                              {"oppen_worker", "scheduler"}}};
    const auto sent = producer_->send_and_wait("dead-letter", record, std::chrono::seconds{20});
    ASSERT_TRUE(sent) << sent.error().message;
  }
};

TEST_F(DeadLetters, AreListedLatestLast) {
  EXPECT_EQ(run({"dead-letter", "list"}).out, "The dead letter is empty.\n");
  for (int i = 0; i < 3; ++i) set_aside("job-" + std::to_string(i), "the value is not JSON");
  const auto letters =
      json::parse(run({"dead-letter", "list", "--limit", "2", "-o", "json"}).out)["dead_letters"];
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0]["offset"], 1);
  EXPECT_EQ(letters[1]["key"], "job-2");
  EXPECT_EQ(letters[1]["topic"], "oppen.jobs");
  EXPECT_EQ(letters[1]["worker"], "scheduler");
  EXPECT_EQ(letters[1]["error"], "the value is not JSON");
}

TEST_F(DeadLetters, AreShownWhole) {
  set_aside("job-0", "the value is not JSON");
  const auto shown = run({"dead-letter", "list", "--show", "0"});
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_THAT(shown.out,
              AllOf(HasSubstr("From     oppen.jobs 0/41"),
                    HasSubstr("ce_type: dev.oppen.job.submit.v1"), HasSubstr("not { json")));
  const auto absent = run({"dead-letter", "list", "--show", "9"});
  EXPECT_EQ(absent.exit_code, 4);
  EXPECT_THAT(absent.err, HasSubstr("it holds 0 to 0"));
}

TEST_F(DeadLetters, AreReplayedUntouched) {
  set_aside("job-0", "first");
  set_aside("job-1", "second");
  const auto replayed = run({"dead-letter", "replay", "1"});
  EXPECT_EQ(replayed.exit_code, 0) << replayed.err;
  EXPECT_THAT(replayed.out,
              HasSubstr("Record 1 published again to oppen.jobs, partition 0, offset 0"));
  const auto consumer = *client::Consumer::create(kafka_.settings(), "");
  ASSERT_TRUE(consumer->assign({{{"jobs", 0}, client::Consumer::beginning}}));
  const auto record = client::next_record(*consumer);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->record.key, "job-1");
  EXPECT_EQ(record->record.value, "not { json");
  EXPECT_THAT(record->record.headers, ElementsAre(Pair("ce_type", "dev.oppen.job.submit.v1")));

  EXPECT_EQ(run({"dead-letter", "replay", "--all"}).exit_code, 0);
  EXPECT_EQ(consumer->watermarks({"jobs", 0}, std::chrono::seconds{20})->high, 3);
}

TEST_F(DeadLetters, AreNamedToBeReplayed) {
  EXPECT_EQ(run({"dead-letter", "replay"}).exit_code, 2);
  EXPECT_EQ(run({"dead-letter", "replay", "0", "--all"}).exit_code, 2);
  EXPECT_EQ(run({"dead-letter", "replay", "7"}).exit_code, 4);
}

TEST_F(DeadLetters, WhenKafkaIsAwayItsAddressAndSettingAreNamed) {
  kafka_.set_up(false);
  const auto away = run({"dead-letter", "list"});
  EXPECT_EQ(away.exit_code, 3);
  EXPECT_THAT(away.err,
              AllOf(HasSubstr(kafka_.settings().brokers), HasSubstr("OPPEN_KAFKA_BROKERS")));
}

}  // namespace
}  // namespace oppen::cli
