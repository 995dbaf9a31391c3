// Proves that what doesn't fit a schema is named by field, value and what was expected, and what fits passes.
#include "producers/agent/schema_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace oppen::agent {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

const json schema = json::parse(
    R"({"type": "object", "additionalProperties": false, "required": ["name"], "properties": {
  "name": {"type": "string", "minLength": 1, "maxLength": 3},
  "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 4},
  "kind": {"type": "string", "enum": ["a", "b"]},
  "share": {"type": "number", "minimum": 0},
  "spot": {"type": "boolean"},
  "list": {"type": "array", "maxItems": 2, "items": {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}}}}})");

std::vector<std::string> faults(const char* text) {
  std::vector<std::string> all;
  for (const auto& fault : check_schema(schema, json::parse(text))) all.push_back(fault.sentence());
  return all;
}

TEST(SchemaCheck, TakesWhatFits) {
  EXPECT_THAT(
      faults(
          R"({"name": "äöü", "count": 9, "kind": "b", "share": 0, "spot": true, "list": [{"x": 1}]})"),
      ElementsAre());
  EXPECT_THAT(faults(R"({"name": "a", "count": 2.0})"), ElementsAre())
      << "a whole number in JSON Schema";
}

TEST(SchemaCheck, NamesEveryFault) {
  EXPECT_THAT(faults("[]"), ElementsAre("the arguments is []: expected an object"));
  EXPECT_THAT(faults("{}"),
              ElementsAre("name is missing: expected text with a length from 1 to 3"));
  EXPECT_THAT(faults(R"({"name": "abcd"})"),
              ElementsAre("name is \"abcd\": expected text with a length from 1 to 3"));
  EXPECT_THAT(faults(R"({"name": "a", "count": 1e300})"),
              ElementsAre("count is 1e+300: expected a whole number from 1 to 9"));
  EXPECT_THAT(faults(R"({"name": "a", "count": "2", "kind": "c", "share": -1, "spot": 1})"),
              ElementsAre("count is \"2\": expected a whole number from 1 to 9",
                          "kind is \"c\": expected one of \"a\", \"b\"",
                          "share is -1: expected a number of at least 0",
                          "spot is 1: expected true or false"));
  EXPECT_THAT(faults(R"({"name": "a", "list": [{}, {"x": null}]})"),
              ElementsAre("list[0].x is missing: expected a whole number",
                          "list[1].x is null: expected a whole number"));
  EXPECT_THAT(
      faults(R"({"name": "a", "list": [{"x": 1}, {"x": 1}, {"x": 1}]})"),
      ElementsAre(
          "list is [{\"x\":1},{\"x\":1},{\"x\":1}]: expected a list with a length of at most 2"));
  EXPECT_THAT(
      faults(R"({"name": "a", "other": 1})"),
      ElementsAre(
          "other is 1: expected no such field (there are count, kind, list, name, share, spot)"));
}

TEST(SchemaCheck, TellsTwentyFaultsAtMost) {
  json many = {{"name", "a"}};
  for (int i = 0; i < 100; ++i) many["x" + std::to_string(i)] = i;
  EXPECT_EQ(check_schema(schema, many).size(), 20u);
}

TEST(SchemaCheck, FillsInWhatIsNotGiven) {
  json some = {{"name", "a"}};
  fill_defaults(schema, some);
  EXPECT_EQ(some, json({{"name", "a"}, {"count", 4}}));
  some["count"] = 1;
  fill_defaults(schema, some);
  EXPECT_EQ(some["count"], 1);
}

}  // namespace
}  // namespace oppen::agent
