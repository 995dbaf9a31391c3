// The program oppen-anomaly through pipes: each row is answered when it comes; exit codes and help.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace oppen::anomaly {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// The program with its ends in our hands.
class Program {
 public:
  explicit Program(std::vector<std::string> words) {
    int in[2], out[2];
    if (pipe(in) != 0 || pipe(out) != 0) throw std::runtime_error("no pipe");
    pid_ = fork();
    if (pid_ == 0) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      dup2(out[1], STDERR_FILENO);
      for (const int end : {in[0], in[1], out[0], out[1]}) close(end);
      std::vector<char*> arguments{const_cast<char*>(OPPEN_ANOMALY)};
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      execv(OPPEN_ANOMALY, arguments.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    in_ = in[1];
    out_ = fdopen(out[0], "r");
  }
  ~Program() {
    if (pid_ > 0) wait();
    std::fclose(out_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void write(const std::string& text) {
    ASSERT_EQ(::write(in_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string line() {
    char text[2000];
    return std::fgets(text, sizeof text, out_) == nullptr ? "" : text;
  }
  std::string rest() {
    close_input();
    std::string all;
    for (auto next = line(); !next.empty(); next = line()) all += next;
    return all;
  }
  int wait() {
    close_input();
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  void close_input() {
    if (in_ >= 0) close(in_);
    in_ = -1;
  }

  pid_t pid_ = -1;
  int in_ = -1;
  std::FILE* out_ = nullptr;
};

TEST(ScoreProgram, AnswersEachRowOfAPipeBeforeTheNext) {
  Program program({"score", "-"});
  program.write("timestamp,value\n");
  EXPECT_EQ(program.line(), "timestamp,value,anomaly_score\n");
  for (int i = 0; i < 30; ++i) {
    const auto row = "2014-04-01 00:" + std::to_string(10 + i) + ":00," + std::to_string(i % 3);
    program.write(row + "\n");
    EXPECT_THAT(program.line(), StartsWith(row + ",0.")) << "while the input is still open";
  }
  EXPECT_EQ(program.rest(), "");
  EXPECT_EQ(program.wait(), 0);
}

TEST(ScoreProgram, ReadsAFileAndNamesItsErrors) {
  const test::TemporaryFolder folder;
  const auto path =
      folder.write("a.csv", "2014-04-01 00:00:00,1\n2014-04-01 00:05:00,two\n");
  Program program({"score", path});
  EXPECT_THAT(program.rest(),
              AllOf(HasSubstr("2014-04-01 00:00:00,1,0.000000\n"),
                    HasSubstr("oppen-anomaly: " + path + ", line 2: value is \"two\"")));
  EXPECT_EQ(program.wait(), 2);
}

TEST(ScoreProgram, SaysWhatItCannotDo) {
  for (const auto& [words, says] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"watch"}, "watch"},
           {{"score"}, "score takes one FILE"},
           {{"score", "--fast"}, "score takes one FILE"},
           {{"score", "a.csv", "b.csv"}, "score takes one FILE"},
           {{"score", "/nowhere/a.csv"}, "/nowhere/a.csv can't be read: No such file"},
           {{"score", "/"}, "/ can't be read"}}) {
    Program program(words);
    EXPECT_THAT(program.rest(), HasSubstr(says));
    EXPECT_EQ(program.wait(), 2) << says;
  }
}

TEST(ScoreProgram, Helps) {
  Program score({"score", "--help"});
  EXPECT_THAT(score.rest(), StartsWith("Usage: oppen-anomaly score FILE|-\n"));
  EXPECT_EQ(score.wait(), 0);
  Program whole({"--help"});
  EXPECT_THAT(whole.rest(), HasSubstr("oppen-anomaly score --help"));
  EXPECT_EQ(whole.wait(), 0);
}

}  // namespace
}  // namespace oppen::anomaly
