// That what is recommended can be pasted into a shell, and `oppen` takes it.
#include "workers/cost/recommend/command.hpp"

#include <gmock/gmock.h>
#include <wordexp.h>

#include <CLI/CLI.hpp>
#include <sstream>

#include "producers/cli/app.hpp"
#include "tests/unit/cost_recommend/runs.hpp"

namespace oppen::cost {
namespace {

using namespace test;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// As a shell splits it.
std::vector<std::string> words_of(const std::string& command) {
  wordexp_t found{};
  EXPECT_EQ(wordexp(command.c_str(), &found, WRDE_NOCMD | WRDE_UNDEF), 0) << command;
  std::vector<std::string> words(found.we_wordv, found.we_wordv + found.we_wordc);
  wordfree(&found);
  return words;
}

void expect_parses(const std::string& command) {
  std::istringstream in;
  std::ostringstream out;
  cli::Context context(in, out, out);
  const auto app = cli::make_app(context);
  auto words = words_of(command);
  ASSERT_EQ(words.front(), "oppen");
  words.erase(words.begin());
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  EXPECT_NO_THROW(app->parse(words)) << command;
  EXPECT_TRUE(context.run) << "a command was chosen: " << command;
}

TEST(Command, OfEachChange) {
  for (const json& changes :
       {json{{"batch_size", 128}}, json{{"cpu", "1500m"}, {"memory", "1792Mi"}},
        json{{"window", "off_peak"}}, json{{"spot", true}}, json{{"epochs", 4}},
        json{{"gpu_type", "A100"}}, json{{"env", {{"PRECISION", "fp16"}}}},
        json{{"gpu_share", 0.25}}}) {
    expect_parses(submit_command(mnist(), changes));
  }
}

TEST(Command, OfARunAsItWas) {
  EXPECT_EQ(submit_command(mnist(), {{"gpu_share", 0.25}, {"spot", true}}),
            "oppen submit --model-type=mnist --name=mnist-nightly --workload-type=training "
            "--team=vision --priority=normal --epochs=2 --batch-size=64 --gpu-share=0.25 --cpu=1 "
            "--spot");
}

TEST(Command, QuotesWhatAShellWouldTakeApart) {
  auto run = mnist();
  run.name = "-x $(reboot); it's `me` \"*\"";
  const auto command = submit_command(run, {{"batch_size", 128}});
  EXPECT_THAT(words_of(command), testing::Contains("--name=" + run.name));
  expect_parses(command);
}

TEST(Command, OfARunFromOutsideLeavesOutWhatNoJobCanHave) {
  auto run = mnist();
  run.job_id.clear();
  run.run_id = "4f1d";
  run.workload_type = "fine-tuning";
  run.team = "Vision & Speech";
  run.project = "digits";
  run.user = "ada@example";
  const auto command = submit_command(run, {{"batch_size", 128}});
  expect_parses(command);
  EXPECT_THAT(command, testing::AllOf(HasSubstr("--project=digits"), Not(HasSubstr("--team")),
                                      Not(HasSubstr("--user")), Not(HasSubstr("--workload-type"))));
  run.model_type = "a model of ours";
  EXPECT_EQ(submit_command(run, {{"batch_size", 128}}), "");
}

TEST(Command, OfAllRecommendations) {
  auto run = mnist();
  run.run_seconds = 1200;
  price(run);
  measure(run, 10, 15);
  const auto all = recommended(run);
  EXPECT_GE(all.size(), 5U);
  for (const auto& one : all) expect_parses(one.action.command);
}

}  // namespace
}  // namespace oppen::cost
