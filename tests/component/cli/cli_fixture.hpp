#pragma once
// `oppen` against a broker in this process, and a scheduler that answers each command with what the
// test scripts.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "producers/cli/context.hpp"
#include "tests/component/kafka/mock_kafka.hpp"

namespace oppen::cli {

struct Outcome {
  int exit_code;
  std::string out;
  std::string err;
};

struct Answer {
  std::string type;  // "job.queued"
  std::string key;
  nlohmann::json data;
};

class CliFixture : public ::testing::Test {
 protected:
  CliFixture();
  ~CliFixture() override;

  // From now on each command on `jobs` is answered so.
  void answer_with(std::function<std::vector<Answer>(const CloudEvent&)> script);
  void publish(const Answer& answer);

  Outcome run(std::vector<std::string> words, const std::string& input = "");
  // Runs until so many lines were printed.
  std::string run_for_lines(std::vector<std::string> words, int lines);

  client::MockKafka kafka_;
  std::unique_ptr<client::Producer> producer_;
  std::string console_url_ = "http://127.0.0.1:1";

 private:
  Outcome run_with(std::ostream& out, std::vector<std::string> words, const std::string& input);

  std::jthread scheduler_;
};

}  // namespace oppen::cli
