// Proves that SIGTERM becomes a stop request instead of an end, and that a second signal ends the
// process with 130.
#include "workers/runtime/stop.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <mutex>

namespace oppen::runtime {
namespace {

// Until the token is asked to stop; ctest's time limit ends a test in which it never is.
void wait_for(const std::stop_token& token) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, token, [] { return false; });
}

TEST(StopSignal, TurnsASignalIntoAStopRequest) {
  const StopSignal stop;
  EXPECT_FALSE(stop.token().stop_requested());
  kill(getpid(), SIGTERM);
  wait_for(stop.token());
  EXPECT_TRUE(stop.token().stop_requested());
}

TEST(StopSignal, IsTheSameWhenTheProgramAsks) {
  StopSignal stop;
  stop.request();
  EXPECT_TRUE(stop.token().stop_requested());
}

TEST(StopSignal, EndsTheProcessAtTheSecond) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const StopSignal stop;
        kill(getpid(), SIGINT);
        wait_for(stop.token());
        kill(getpid(), SIGINT);
        pause();
      },
      testing::ExitedWithCode(130), "");
}

}  // namespace
}  // namespace oppen::runtime
