// Proves what the program promises to a pod: its exit codes, its progress lines, its termination
// log.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "process.hpp"

namespace oppen::digits_trainer {
namespace {

using testing::HasSubstr;

class Program : public testing::Test {
 protected:
  Program() { std::filesystem::create_directory(folder_); }
  ~Program() override { std::filesystem::remove_all(folder_); }

  nlohmann::json metrics() const {
    std::ifstream file(log_);
    return nlohmann::json::parse(file, nullptr, false);
  }

  const std::filesystem::path folder_ =
      testing::TempDir() + "digits-trainer-" +
      testing::UnitTest::GetInstance()->current_test_info()->name() + std::to_string(getpid());
  const std::string log_ = folder_ / "termination-log";
};

TEST_F(Program, TrainsAndReports) {
  const Ended ended =
      run_program({DIGITS_TRAINER, "--epochs", "2", "--hidden", "32", "--termination-log", log_});
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("epoch 2/2 loss "));
  EXPECT_EQ(metrics().at("epochs"), 2);
  EXPECT_GT(metrics().at("accuracy"), 0.5);
}

TEST_F(Program, AnswersRequestsAndSaysWhatItUsed) {
  const Ended ended = run_program({DIGITS_TRAINER, "--epochs", "1", "--hidden", "32", "--requests",
                                   "5", "--precision", "fp32", "--termination-log", log_});
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("fp32"));
  EXPECT_EQ(metrics().at("requests"), 5);
  EXPECT_GT(metrics().at("cpu_seconds"), 0);
  EXPECT_GT(metrics().at("memory_peak_mb"), 0);
}

TEST_F(Program, TermStopsItAndItReportsWhatItHas) {
  const Ended ended = run_program(
      {DIGITS_TRAINER, "--epochs", "1000000", "--hidden", "32", "--termination-log", log_},
      [](const std::string& line, int pid) {
        if (line.starts_with("epoch 2/")) kill(pid, SIGTERM);
      });
  EXPECT_EQ(ended.exit_code, 143) << ended.output;
  EXPECT_GE(metrics().at("epochs"), 2);
  EXPECT_TRUE(metrics().contains("accuracy"));
}

TEST_F(Program, BadInputIsRefusedWithTwo) {
  const Ended flag = run_program({DIGITS_TRAINER, "--epochs", "many"});
  EXPECT_EQ(flag.exit_code, 2);
  EXPECT_THAT(flag.output, HasSubstr("--epochs is 'many'"));

  const Ended log = run_program({DIGITS_TRAINER, "--termination-log", folder_ / "no" / "log"});
  EXPECT_EQ(log.exit_code, 2);
  EXPECT_THAT(log.output, HasSubstr("--termination-log is"));

  const std::string data = folder_ / "digits.csv";
  EXPECT_THAT(run_program({DIGITS_TRAINER, "--data", data}).output, HasSubstr("cannot be read"));
  std::ofstream(data) << "1,2,3\n";
  const Ended bad = run_program({DIGITS_TRAINER, "--data", data});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.output, HasSubstr("--data is '" + data + "': line 1"));
}

}  // namespace
}  // namespace oppen::digits_trainer
