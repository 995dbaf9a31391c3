// Proves the REPL where no terminal is: the same commands, one a line, and that none of them ends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "producers/cli/app.hpp"

namespace oppen::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Session {
  int exit_code;
  std::string out;
  std::string err;
};

Session type(const std::string& lines, std::vector<std::string> options = {}) {
  std::vector<std::string> words = {"oppen", "--console-url", "http://127.0.0.1:1"};
  words.insert(words.end(), options.begin(), options.end());
  words.push_back("repl");
  std::vector<const char*> argv;
  for (const auto& word : words) argv.push_back(word.c_str());
  std::istringstream in(lines);
  std::ostringstream out;
  std::ostringstream err;
  Context context(in, out, err);
  const int code = run_app(context, static_cast<int>(argv.size()), argv.data());
  return {code, out.str(), err.str()};
}

TEST(Repl, TakesCommandsAndGivesNoPrompt) {
  const auto session = type("completion fish\n");
  EXPECT_EQ(session.exit_code, 0);
  EXPECT_THAT(session.out, AllOf(HasSubstr("complete -c oppen"), Not(HasSubstr("oppen>"))));
}

TEST(Repl, GoesOnAfterWhatFailsAndTellsOfTheLast) {
  const auto session = type("nonsense\nstatus\nsubmit 'open\n\n  # nothing\nchallenge --check\n");
  EXPECT_EQ(session.exit_code, 2) << "of the quote that was left open, not of what came before";
  EXPECT_THAT(session.err, AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("not closed")));
  EXPECT_THAT(session.out, HasSubstr("MLPerf")) << "the last command was carried out";
  EXPECT_EQ(type("nonsense\nstatus\n").exit_code, 3);
}

TEST(Repl, PassesItsOptionsOn) {
  EXPECT_THAT(type("challenge --check\n", {"-o", "json"}).out, HasSubstr("\"published\""));
  EXPECT_THAT(type("challenge --check -o text\n", {"-o", "json"}).out, HasSubstr("PRECISION"))
      << "those of a command go over them";
  EXPECT_THAT(type("status --console-url http://127.0.0.1:2\n").err, HasSubstr("127.0.0.1:2"));
}

TEST(Repl, HelpsAndLeaves) {
  EXPECT_THAT(type("help\n").out, HasSubstr("dashboard"));
  EXPECT_THAT(type("help dashboard\n").out, HasSubstr("--watch"));
  const auto left = type("exit\nstatus\n");
  EXPECT_EQ(left.exit_code, 0);
  EXPECT_EQ(left.err, "");
  EXPECT_EQ(type("quit\nstatus\n").err, "");
}

TEST(Repl, IsNotWithinItself) {
  const auto session = type("repl\ncompletion fish\n");
  EXPECT_EQ(session.exit_code, 2);
  EXPECT_THAT(session.out, HasSubstr("complete -c oppen"));
}

TEST(Repl, ItsLinesAreNoInputOfACommand) {
  const auto session = type("submit-batch -\ncompletion fish\n");
  EXPECT_EQ(session.exit_code, 2);
  EXPECT_THAT(session.out, HasSubstr("complete -c oppen"));
}

}  // namespace
}  // namespace oppen::cli
