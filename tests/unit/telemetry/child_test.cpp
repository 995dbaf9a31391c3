// Proves that another program is run without a shell, bounded in time and output, and cleaned up.
#include "producers/telemetry/sources/child.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>
#include <thread>

#include "tests/unit/telemetry/data.hpp"

namespace oppen::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto long_enough = 60s;
constexpr std::size_t plenty = 1 << 20;

TEST(Child, GivesWhatItPrintsAndItsExitCode) {
  const Folder folder;
  const std::string file = folder.script(
      "tool", "echo \"out: $1|$2|$OPPEN_SECRET|$LC_ALL\"; echo error >&2; cat; exit 9");
  ASSERT_EQ(::setenv("OPPEN_SECRET", "hidden", 1), 0);
  ChildRunner runner;
  const auto output = runner.run(file, {"a b; exit 1", "$(echo c)"}, long_enough, plenty);
  ::unsetenv("OPPEN_SECRET");
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->out, "out: a b; exit 1|$(echo c)||C\n") << "no shell, and no secret handed on";
  EXPECT_EQ(output->error, "error\n");
  EXPECT_EQ(output->exit_code, 9);
}

TEST(Child, EndedByASignalHasItsNumber) {
  const Folder folder;
  ChildRunner runner;
  const auto output = runner.run(folder.script("tool", "kill -KILL $$"), {}, long_enough, plenty);
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->exit_code, 128 + SIGKILL);
}

TEST(Child, ThatTakesTooLongIsKilledWithWhatItStarted) {
  const Folder folder;
  const std::string pids = folder.path("pids");
  const std::string file =
      folder.script("tool", "sleep 1000 & echo $! > '" + pids + "'; echo begun; wait");
  ChildRunner runner;
  // Patience enough to begin: the pid must be written before the end comes.
  Result<ChildOutput> output = fail(ErrorKind::fatal, "");
  for (auto patience = 200ms; patience < long_enough; patience *= 2) {
    output = runner.run(file, {}, patience, plenty);
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(output.error().message, HasSubstr("took longer than"));
    if (!file_text(pids).empty()) break;
  }
  const int sleeper = std::stoi(file_text(pids));
  // The orphan is init's to reap; where init doesn't, it stays as a zombie.
  const auto gone = [sleeper] {
    const std::string state = file_text("/proc/" + std::to_string(sleeper) + "/stat");
    return state.empty() || state.find(") Z ") != std::string::npos;
  };
  for (int tries = 0; tries < 1000 && !gone(); ++tries) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(gone());
}

TEST(Child, ThatHasClosedItsOutputsIsStillWaitedFor) {
  const Folder folder;
  ChildRunner runner;
  const auto output =
      runner.run(folder.script("tool", "echo done; exec >&- 2>&-; sleep 0.2; exit 3"), {},
                 long_enough, plenty);
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->exit_code, 3);
}

TEST(Child, ThatPrintsTooMuchIsKilled) {
  const Folder folder;
  ChildRunner runner;
  const auto output =
      runner.run(folder.script("tool", "while :; do echo more; done"), {}, long_enough, 1000);
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().kind, ErrorKind::invalid);
  EXPECT_THAT(output.error().message, HasSubstr("printed more than 1000 bytes"));
  EXPECT_TRUE(runner.run(folder.script("other", "exit 0"), {}, long_enough, 1000));
}

TEST(Child, ThatCannotBeStartedIsSaidSo) {
  const Folder folder;
  ChildRunner runner;
  const auto output = runner.run(folder.path("missing"), {}, long_enough, plenty);
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(output.error().message, HasSubstr("can't be started"));
}

TEST(FindProgram, LooksOnPathUnlessItIsAPath) {
  const Folder folder;
  const std::string tool = folder.script("oppen-test-tool", "exit 0");
  folder.write("not-executable", "");
  const char* set = std::getenv("PATH");
  const std::string before = set == nullptr ? "" : set;
  ASSERT_EQ(::setenv("PATH", ("/nowhere::" + folder.path(".") + ":" + before).c_str(), 1), 0);
  const auto found = find_program("oppen-test-tool");
  const auto not_executable = find_program("not-executable");
  ASSERT_EQ(::setenv("PATH", before.c_str(), 1), 0);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(std::filesystem::equivalent(*found, tool));
  EXPECT_EQ(not_executable.error().message, "not-executable is not on PATH");
  EXPECT_EQ(find_program(tool), tool);
  EXPECT_EQ(find_program(folder.path(".")).error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace oppen::telemetry
