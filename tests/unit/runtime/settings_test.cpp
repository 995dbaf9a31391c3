// Proves the order flag over environment over file over default, and that whatever is wrong ends
// the program with code 2 and a sentence that names the place, the value and what was expected,
// without showing a secret.
#include "workers/runtime/settings.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <stdexcept>

#include "tests/support/temporary_folder.hpp"

namespace oppen::runtime {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SettingsTest : public testing::Test {
 protected:
  SettingsTest() {
    settings_.add(brokers_, {.name = "kafka-brokers", .help = "Where Kafka is."});
    settings_.add(ttl_, {.name = "pod-ttl",
                         .env = "POD_TTL",
                         .help = "How long.",
                         .unit = "seconds",
                         .min = 0,
                         .max = 60});
    settings_.add(dry_, {.name = "dry-run", .help = "Launch nothing."});
    settings_.add(format_, {.name = "log-format", .help = "Format.", .one_of = {"text", "json"}});
    settings_.add(pin_, {.name = "pin", .help = "Secret.", .max = 9999, .secret = true});
  }
  ~SettingsTest() override {
    for (const char* variable : {"OPPEN_KAFKA_BROKERS", "POD_TTL", "OPPEN_PIN"}) unsetenv(variable);
  }

  std::optional<int> parse(std::vector<const char*> args) {
    args.insert(args.begin(), "oppen-test");
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const auto code = settings_.parse(static_cast<int>(args.size()), args.data());
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return code;
  }

  const char* file(const std::string& content) {
    path_ = folder_.write("settings.conf", content);
    return path_.c_str();
  }

  std::string brokers_ = "default:9092";
  std::int64_t ttl_ = 30;
  bool dry_ = false;
  std::string format_ = "text";
  std::int64_t pin_ = 0;
  test::TemporaryFolder folder_;
  std::string path_;
  std::string out_;
  std::string err_;
  Settings settings_{"oppen-test", "Tests settings."};
};

TEST_F(SettingsTest, KeepTheDefaults) {
  EXPECT_EQ(parse({}), std::nullopt);
  EXPECT_EQ(brokers_, "default:9092");
  EXPECT_EQ(ttl_, 30);
  EXPECT_FALSE(dry_);
}

TEST_F(SettingsTest, TakeFlagOverEnvironmentOverFile) {
  const char* config =
      file("# a comment\n\nkafka-brokers = file:1\npod-ttl=3\ndry-run = true # why\n");
  EXPECT_EQ(parse({"--config", config}), std::nullopt);
  EXPECT_EQ(brokers_, "file:1");
  EXPECT_EQ(ttl_, 3);
  EXPECT_TRUE(dry_);

  setenv("OPPEN_KAFKA_BROKERS", "env:1", 1);
  setenv("POD_TTL", "4", 1);
  EXPECT_EQ(parse({"--config", config}), std::nullopt);
  EXPECT_EQ(brokers_, "env:1");
  EXPECT_EQ(ttl_, 4);

  EXPECT_EQ(
      parse({"--kafka-brokers", "flag:1", "--pod-ttl=5", "--dry-run=false", "--config", config}),
      std::nullopt);
  EXPECT_EQ(brokers_, "flag:1");
  EXPECT_EQ(ttl_, 5);
  EXPECT_FALSE(dry_);
}

TEST_F(SettingsTest, TakeAnEmptyVariableForNone) {
  setenv("OPPEN_KAFKA_BROKERS", "", 1);
  EXPECT_EQ(parse({}), std::nullopt);
  EXPECT_EQ(brokers_, "default:9092");
}

TEST_F(SettingsTest, KeepQuotedValuesWhole) {
  EXPECT_EQ(parse({"--config", file("kafka-brokers = \"a # b\"\nlog-format = json\n")}),
            std::nullopt);
  EXPECT_EQ(brokers_, "a # b");
  EXPECT_EQ(parse({"--config", file("kafka-brokers = a#b\n")}), std::nullopt);
  EXPECT_EQ(brokers_, "a#b");
}

TEST_F(SettingsTest, NameTheFlagThatIsWrong) {
  EXPECT_EQ(parse({"--pod-ttl", "61"}), 2);
  EXPECT_EQ(err_,
            "oppen-test: --pod-ttl is \"61\": expected a whole number of seconds from 0 to 60\n");
  EXPECT_EQ(parse({"--pod-ttl", "1.5"}), 2);
  EXPECT_EQ(parse({"--pod-ttl", "-1"}), 2);
  EXPECT_EQ(parse({"--dry-run", "yes"}), 2);
  EXPECT_THAT(err_, HasSubstr("--dry-run is \"yes\": expected true or false"));
  EXPECT_EQ(parse({"--log-format", "xml"}), 2);
  EXPECT_THAT(err_, HasSubstr("expected one of text, json"));
  EXPECT_EQ(ttl_, 30);
}

TEST_F(SettingsTest, NameTheVariableThatIsWrong) {
  setenv("POD_TTL", "soon", 1);
  EXPECT_EQ(parse({}), 2);
  EXPECT_THAT(err_, AllOf(HasSubstr("POD_TTL is \"soon\""), HasSubstr("whole number of seconds")));
}

TEST_F(SettingsTest, NameTheLineThatIsWrong) {
  EXPECT_EQ(parse({"--config", file("\npod-ttl = never\n")}), 2);
  EXPECT_THAT(err_, AllOf(HasSubstr(".conf:2: pod-ttl is \"never\""), HasSubstr("from 0 to 60")));
  EXPECT_EQ(parse({"--config", file("pod-tll = 1\n")}), 2);
  EXPECT_THAT(err_, HasSubstr(".conf:1: pod-tll is not a setting of oppen-test"));
  EXPECT_EQ(parse({"--config", file("pod-ttl = 1\npod-ttl = 2\n")}), 2);
  EXPECT_THAT(err_, HasSubstr(".conf:2: pod-ttl stands in line 1 already"));
  EXPECT_EQ(parse({"--config", file("pod-ttl\n")}), 2);
  EXPECT_THAT(err_, HasSubstr("key = value"));
  EXPECT_EQ(parse({"--config", "/no/such/file"}), 2);
  EXPECT_THAT(err_, AllOf(HasSubstr("/no/such/file"), HasSubstr("No such file")));
}

TEST_F(SettingsTest, RefuseWhatTheyDoNotKnow) {
  EXPECT_EQ(parse({"--pod-tll", "1"}), 2);
  EXPECT_THAT(err_, HasSubstr("--pod-tll"));
  EXPECT_EQ(parse({"stray"}), 2);
  EXPECT_EQ(parse({"--pod-ttl"}), 2);
  EXPECT_THAT(err_, HasSubstr("--pod-ttl"));
}

TEST_F(SettingsTest, HideSecrets) {
  setenv("OPPEN_PIN", "12345", 1);
  EXPECT_EQ(parse({}), 2);
  EXPECT_THAT(err_, AllOf(HasSubstr("OPPEN_PIN is \"***\""), Not(HasSubstr("12345"))));
  setenv("OPPEN_PIN", "1234", 1);
  EXPECT_EQ(parse({}), std::nullopt);
  EXPECT_EQ(pin_, 1234);
  EXPECT_THAT(settings_.describe(), AllOf(HasSubstr("pin=***"), HasSubstr("pod-ttl=30")));
  EXPECT_EQ(parse({"--help"}), 0);
  EXPECT_THAT(out_, AllOf(HasSubstr("--pin"), Not(HasSubstr("1234"))));
}

TEST_F(SettingsTest, HideWhoIsInAUrl) {
  ASSERT_EQ(parse({"--kafka-brokers", "http://kim:hunter2@a:1,https://b:2"}), std::nullopt);
  EXPECT_THAT(settings_.describe(), HasSubstr("kafka-brokers=http://a:1,https://b:2"));
}

TEST_F(SettingsTest, ExplainThemselves) {
  EXPECT_EQ(parse({"--help"}), 0);
  EXPECT_THAT(out_,
              AllOf(HasSubstr("Tests settings."), HasSubstr("--pod-ttl"), HasSubstr("POD_TTL"),
                    HasSubstr("seconds from 0 to 60"), HasSubstr("default: 30"),
                    HasSubstr("--config"), HasSubstr("OPPEN_KAFKA_BROKERS")));
  EXPECT_EQ(parse({"--version"}), 0);
  EXPECT_THAT(out_, testing::MatchesRegex("oppen-test [0-9.]+\n"));
}

TEST_F(SettingsTest, AreDeclaredOnce) {
  EXPECT_THROW(settings_.add(brokers_, {.name = "kafka-brokers", .help = "Again."}),
               std::logic_error);
}

}  // namespace
}  // namespace oppen::runtime
