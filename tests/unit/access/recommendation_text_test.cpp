// Proves how recommendations read in a terminal, and what is said where there are none.
#include "producers/access/recommendation_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace oppen::access {
namespace {

using nlohmann::json;

TEST(RecommendationText, OfARun) {
  const auto text = recommendations_text(json::parse(
      R"({"job_id":"mnist-1","name":"nightly","ended":true,"state":"succeeded","total_microusd":20500,"recommendations":[
      {"strategy":"spot","description":"Spot nodes cost 0.3 of the price.","savings_percent":{"low":68.5,"high":70},
       "savings_microusd":{"low":14043,"high":14350},"confidence":"medium","risk":"They may be taken away.",
       "evidence":{"confidence_because":"the price is known"},"action":{"command":"oppen submit --model-type=mnist --spot"}},
      {"strategy":"off_peak","description":"At night it costs half.","savings_percent":{"low":50,"high":50},
       "savings_microusd":{"low":10250,"high":10250},"confidence":"high","risk":"It begins later."}]})"));
  EXPECT_EQ(text,
            "mnist-1 (nightly) has cost $0.0205. What would have been cheaper, each by itself:\n"
            "\n"
            "spot: saves 68.5 to 70 %, $0.0140 to $0.0144\n"
            "  What       Spot nodes cost 0.3 of the price.\n"
            "  Confidence medium: the price is known\n"
            "  Risk       They may be taken away.\n"
            "  Command    oppen submit --model-type=mnist --spot\n"
            "\n"
            "off_peak: saves 50 %, $0.0103\n"
            "  What       At night it costs half.\n"
            "  Confidence high\n"
            "  Risk       It begins later.\n");
}

TEST(RecommendationText, WhereThereAreNone) {
  EXPECT_EQ(
      recommendations_text(json::parse(R"({"job_id":"a","ended":false,"state":"queued"})")),
      "a has not ended (queued): what could be saved on it is known once it has succeeded.\n");
  EXPECT_EQ(
      recommendations_text(json::parse(
          R"({"run_id":"r","ended":true,"state":"failed","total_microusd":8000,"recommendations":[]})")),
      "r has cost $0.0080, and is failed: only of runs that succeeded something is "
      "recommended.\n");
  EXPECT_EQ(
      recommendations_text(json::parse(
          R"({"job_id":"a","ended":true,"state":"succeeded","total_microusd":8000,"recommendations":[]})")),
      "a has cost $0.0080, and nothing is known that would save at least 1 % of that.\n");
}

}  // namespace
}  // namespace oppen::access
