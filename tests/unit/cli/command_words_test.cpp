// Proves how a line is split into words, and what may follow it.
#include "producers/cli/command_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "producers/cli/app.hpp"

namespace oppen::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

std::vector<std::string> words(const std::string& line) {
  const auto split = split_words(line);
  return split ? *split : std::vector<std::string>{"fault: " + split.error().message};
}

TEST(SplitWords, AsAShellWould) {
  EXPECT_THAT(words("  submit\t--model-type mnist \r"),
              ElementsAre("submit", "--model-type", "mnist"));
  EXPECT_THAT(words(""), IsEmpty());
  EXPECT_THAT(words(R"(a 'b "c' "d 'e")"), ElementsAre("a", "b \"c", "d 'e"));
  EXPECT_THAT(words(R"(a\ b "c\"d\\e\f" 'g\h')"), ElementsAre("a b", "c\"d\\e\\f", "g\\h"));
  EXPECT_THAT(words("x'y'\"z\""), ElementsAre("xyz")) << "what touches is one word";
  EXPECT_THAT(words("'' \"\""), ElementsAre("", ""));
  EXPECT_THAT(words("status # the queue"), ElementsAre("status"));
  EXPECT_THAT(words("a#b '#'"), ElementsAre("a#b", "#"));
}

TEST(SplitWords, SaysWhatIsNotFinished) {
  for (const auto* line : {"a 'b", "a \"b", "a\\"}) EXPECT_FALSE(split_words(line)) << line;
}

std::vector<std::string> following(const std::string& line) {
  Context context(std::cin, std::cout, std::cerr);
  return continuations(completion_commands(*make_app(context)), line).words;
}

TEST(Continuations, AreCommandsAndTheirOptions) {
  EXPECT_THAT(following("sub"), ElementsAre("submit", "submit-batch"));
  EXPECT_THAT(following(""), IsSupersetOf({"dashboard", "status", "repl"}));
  EXPECT_THAT(following("budget "), IsSupersetOf({"check", "list", "set"}));
  EXPECT_THAT(following("dashboard --w"), ElementsAre("--watch"));
  EXPECT_THAT(following("dashboard --"), Contains("--console-url"));
  EXPECT_THAT(following("status -o j"), ElementsAre("json"));
  EXPECT_THAT(following("list --state q"), ElementsAre("queued"));
  EXPECT_THAT(following("no-such-thing x"), Not(Contains("submit")));
  EXPECT_THAT(following("submit 'not closed "), IsEmpty());
}

TEST(Continuations, BeginAtTheLastWord) {
  Context context(std::cin, std::cout, std::cerr);
  EXPECT_EQ(continuations(completion_commands(*make_app(context)), "budget che").begin, 7u);
}

}  // namespace
}  // namespace oppen::cli
