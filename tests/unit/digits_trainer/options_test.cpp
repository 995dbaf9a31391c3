// Proves that flags go over the environment over defaults, and that a bad value is named with its
// source and bounds.
#include "deploy/images/digits-trainer/options.hpp"

#include <gmock/gmock.h>

#include <map>

namespace oppen::digits_trainer {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::map<std::string, std::string> variables;

const char* variable(const char* name) {
  const auto found = variables.find(name);
  return found == variables.end() ? nullptr : found->second.c_str();
}

std::variant<Options, HelpWanted, BadUsage> parse(std::vector<const char*> arguments,
                                                  std::map<std::string, std::string> set = {}) {
  variables = std::move(set);
  return parse_options(arguments, variable);
}

std::string refusal(std::vector<const char*> arguments,
                    std::map<std::string, std::string> set = {}) {
  const auto parsed = parse(std::move(arguments), std::move(set));
  const auto* bad = std::get_if<BadUsage>(&parsed);
  return bad == nullptr ? "accepted" : bad->message;
}

TEST(Options, FlagOverEnvironmentOverDefault) {
  const auto parsed =
      parse({"--epochs", "7", "--hidden=32", "--termination-log", "/tmp/log"},
            {{"OPPEN_EPOCHS", "5"}, {"OPPEN_BATCH_SIZE", "16"}, {"OPPEN_JOB_ID", "a"}});
  const Options& options = std::get<Options>(parsed);
  EXPECT_EQ(options.settings.epochs, 7u);
  EXPECT_EQ(options.settings.batch_size, 16u);
  EXPECT_EQ(options.settings.hidden, 32u);
  EXPECT_EQ(options.settings.learning_rate, 0.05);
  EXPECT_EQ(options.job, "a");
  EXPECT_EQ(options.termination_log, "/tmp/log");
}

TEST(Options, PrecisionComesFromTheVariableThatIsRecommended) {
  EXPECT_EQ(std::get<Options>(parse({})).settings.precision, Precision::fp64);
  EXPECT_EQ(std::get<Options>(parse({}, {{"PRECISION", "bf16"}})).settings.precision,
            Precision::bf16);
  EXPECT_EQ(
      std::get<Options>(parse({"--precision=fp64"}, {{"PRECISION", "fp32"}})).settings.precision,
      Precision::fp64);
  EXPECT_THAT(refusal({}, {{"PRECISION", "int8"}}),
              AllOf(HasSubstr("PRECISION is 'int8'"), HasSubstr("one of fp64, fp32, bf16")));
}

TEST(Options, EmptyVariableIsAbsent) {
  EXPECT_EQ(std::get<Options>(parse({}, {{"OPPEN_EPOCHS", ""}})).settings.epochs, 10u);
}

TEST(Options, BadValuesAreNamed) {
  EXPECT_THAT(refusal({"--epochs", "0"}),
              AllOf(HasSubstr("--epochs is '0'"), HasSubstr("from 1 to 1000000")));
  EXPECT_THAT(refusal({"--batch-size=12x"}), HasSubstr("--batch-size is '12x'"));
  EXPECT_THAT(refusal({"--epochs", "-3"}), HasSubstr("'-3'"));
  EXPECT_THAT(refusal({"--epochs", "99999999999999999999999"}), HasSubstr("--epochs"));
  EXPECT_THAT(refusal({"--learning-rate", "0"}), HasSubstr("a number above 0"));
  EXPECT_THAT(refusal({"--learning-rate", "nan"}), HasSubstr("--learning-rate is 'nan'"));
  EXPECT_THAT(refusal({}, {{"OPPEN_BATCH_SIZE", "big"}}), HasSubstr("OPPEN_BATCH_SIZE is 'big'"));
  EXPECT_THAT(refusal({"--epoch", "3"}), HasSubstr("'--epoch' is not a flag"));
  EXPECT_THAT(refusal({"fast"}), HasSubstr("'fast' is not a flag"));
  EXPECT_THAT(refusal({"--seed"}), HasSubstr("--seed needs a value"));
}

TEST(Options, HelpNamesEveryFlag) {
  EXPECT_TRUE(std::holds_alternative<HelpWanted>(parse({"--epochs", "--help"})));
  for (const char* flag : {"--epochs", "--batch-size", "--learning-rate", "--hidden", "--seed",
                           "--patience", "--precision", "--requests", "--requests-per-second",
                           "--data", "--termination-log", "OPPEN_EPOCHS"})
    EXPECT_THAT(help_text(), HasSubstr(flag));
}

}  // namespace
}  // namespace oppen::digits_trainer
