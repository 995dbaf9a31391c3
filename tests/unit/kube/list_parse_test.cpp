// Proves that a list's items are handed out one by one without what is of no use, and that lines
// come out whole however the network cuts them.
#include "scheduler/kube/list_parse.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "scheduler/kube/line_splitter.hpp"

namespace oppen::kube {
namespace {

using nlohmann::json;
using testing::ElementsAre;

TEST(ListParse, HandsOutEachItem) {
  std::vector<json> items;
  const auto page = parse_list(
      R"({"kind": "PodList", "metadata": {"resourceVersion": "17", "continue": "abc=", "remainingItemCount": 4},
          "items": [{"metadata": {"name": "a", "managedFields": [{"manager": "x", "fieldsV1": {"f:metadata": {}}}],
                                  "ownerReferences": [{"name": "o"}]}, "spec": {"containers": [{"name": "train"}]}},
                    {"metadata": {"name": "b"}}]})",
      [&](const json& item) { items.push_back(item); });
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->resource_version, "17");
  EXPECT_EQ(page->continue_token, "abc=");
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0], json::parse(R"({"metadata": {"name": "a", "ownerReferences": [{"name": "o"}]},
                                      "spec": {"containers": [{"name": "train"}]}})"));
  EXPECT_EQ(items[1]["metadata"]["name"], "b");
}

TEST(ListParse, KnowsAnEmptyList) {
  const auto page = parse_list(R"({"metadata": {"resourceVersion": "1"}, "items": []})",
                               [](const json&) { FAIL(); });
  ASSERT_TRUE(page);
  EXPECT_EQ(page->continue_token, "");
}

TEST(ListParse, RefusesWhatIsNoList) {
  for (const char* body : {"", "<html>", "[]", R"({"kind": "Status", "metadata": {}})",
                           R"({"metadata": {"resourceVersion": "1"}, "items": [)"}) {
    EXPECT_FALSE(parse_list(body, [](const json&) {})) << body;
  }
}

TEST(LineSplitter, PutsLinesTogether) {
  LineSplitter splitter(100);
  std::vector<std::string> lines;
  const auto collect = [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  };
  for (const char* piece : {"one\ntw", "", "o", "\n\nthree\nfour\n", "fi"})
    EXPECT_TRUE(splitter.feed(piece, collect));
  EXPECT_THAT(lines, ElementsAre("one", "two", "three", "four"));
  splitter.clear();
  EXPECT_TRUE(splitter.feed("six\n", collect));
  EXPECT_EQ(lines.back(), "six");
}

TEST(LineSplitter, StopsWhenToldAndWhenALineIsTooLong) {
  LineSplitter splitter(4);
  int seen = 0;
  EXPECT_FALSE(splitter.feed("a\nb\n", [&](std::string_view) { return ++seen, false; }));
  EXPECT_EQ(seen, 1);
  splitter.clear();
  EXPECT_TRUE(splitter.feed("1234", [](std::string_view) { return true; }));
  EXPECT_FALSE(splitter.feed("5", [](std::string_view) { return true; }));
}

}  // namespace
}  // namespace oppen::kube
