// Proves that the completion scripts know every command and option, by asking bash itself what it
// would offer.
#include "producers/cli/completion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "producers/cli/app.hpp"

namespace oppen::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

std::vector<CompletionCommand> commands() {
  Context context(std::cin, std::cout, std::cerr);
  return completion_commands(*make_app(context));
}

// What bash offers for the words of a line, the last of which is being typed.
std::vector<std::string> offered(const std::vector<std::string>& line) {
  const std::string file =
      ::testing::TempDir() + "/oppen-completion-" + std::to_string(getpid()) + ".bash";
  std::string words;
  for (const auto& word : line) words += " '" + word + "'";
  std::ofstream(file) << bash_completion(commands()) << "COMP_WORDS=(" << words
                      << ")\nCOMP_CWORD=" << line.size() - 1
                      << "\n_oppen\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  std::vector<std::string> words_offered;
  FILE* const pipe = popen(("bash --norc '" + file + "'").c_str(), "r");
  std::array<char, 256> buffer{};
  while (pipe != nullptr && std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) {
    std::string word = buffer.data();
    word.pop_back();
    words_offered.push_back(word);
  }
  EXPECT_EQ(pclose(pipe), 0);
  std::remove(file.c_str());
  return words_offered;
}

TEST(Completion, KnowsEveryCommand) {
  std::vector<std::string> paths;
  for (const auto& command : commands()) paths.push_back(command.path);
  EXPECT_THAT(
      paths,
      ElementsAre("", "submit", "submit-batch", "retry", "amend", "cancel", "queue", "queue pause",
                  "queue resume", "status", "list", "describe", "explain", "simulate", "wait",
                  "logs", "watch", "watch jobs", "watch costs", "watch recommendations",
                  "watch alerts", "report", "forecast", "recommend", "compare", "dead-letter",
                  "dead-letter list", "dead-letter replay", "health", "budget", "budget set",
                  "budget list", "budget check", "proposals", "approve", "reject", "undo", "alerts",
                  "alerts list", "alerts silence", "alerts feedback", "dashboard", "challenge",
                  "repl", "tool", "mcp", "completion"));
}

TEST(Completion, KnowsTheOptionsOfAGroup) {
  EXPECT_THAT(offered({"oppen", "forecast", "--"}), IsSupersetOf({"--period", "--team"}));
}

TEST(Completion, KnowsTheAgentsTools) {
  EXPECT_THAT(offered({"oppen", "tool", "get_queue"}), ElementsAre("get_queue_status"));
}

TEST(Completion, OfBashOffersCommands) {
  EXPECT_THAT(offered({"oppen", ""}), IsSupersetOf({"submit", "submit-batch", "health"}));
  EXPECT_THAT(offered({"oppen", "sub"}), ElementsAre("submit", "submit-batch"));
  EXPECT_THAT(offered({"oppen", "dead-letter", ""}), ElementsAre("list", "replay"));
}

TEST(Completion, OfBashOffersTheCommandsOptionsAndTheGlobalOnes) {
  EXPECT_THAT(offered({"oppen", "submit", "--ep"}), ElementsAre("--epochs"));
  EXPECT_THAT(offered({"oppen", "submit", "--ou"}), ElementsAre("--output"));
  EXPECT_THAT(offered({"oppen", "dead-letter", "list", "--"}), Contains("--show"));
  EXPECT_THAT(offered({"oppen", "status", "--"}), Not(Contains("--epochs")));
}

TEST(Completion, OfBashOffersTheWordsThatAnOptionTakes) {
  EXPECT_THAT(offered({"oppen", "submit", "--priority", ""}),
              ElementsAre("urgent", "normal", "background"));
  EXPECT_THAT(offered({"oppen", "list", "-o", "j"}), ElementsAre("json"));
  EXPECT_THAT(offered({"oppen", "completion", "z"}), ElementsAre("zsh"));
}

TEST(Completion, OfZshAndFishNamesCommandsAndOptions) {
  const std::string zsh = zsh_completion(commands());
  EXPECT_THAT(zsh, HasSubstr("'dead-letter list'"));
  EXPECT_THAT(zsh, HasSubstr("'submit --priority') compadd -- urgent normal background"));
  const std::string fish = fish_completion(commands());
  EXPECT_THAT(fish, HasSubstr("complete -c oppen -n '__fish_use_subcommand' -a submit -d"));
  EXPECT_THAT(fish, HasSubstr("-l priority -s p -x -a 'urgent normal background'"));
}

}  // namespace
}  // namespace oppen::cli
