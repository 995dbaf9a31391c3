// Proves that searches read every page, make pages smaller that are too large, and end.
#include "producers/mlflow/search.hpp"

#include <gmock/gmock.h>

#include "tests/unit/mlflow/fakes.hpp"

namespace oppen::mlflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::int64_t now_ms = day_ms * 20'000;

std::vector<std::string> found(FakeMlflow& mlflow, int page_size) {
  std::vector<std::string> ids;
  const auto searched = search_runs(mlflow, {"0"}, "attributes.status != 'RUNNING'", page_size,
                                    [&](const std::vector<std::optional<Run>>& page) -> Status {
                                      for (const auto& run : page) ids.push_back(run->id);
                                      return {};
                                    });
  EXPECT_TRUE(searched) << searched.error().message;
  return ids;
}

TEST(Search, ReadsEveryPageWhateverItsSize) {
  FakeMlflow mlflow;
  for (const auto* id : {"a", "b", "c", "d", "e"}) mlflow.add(id, now_ms);  // all end at once
  for (const int page_size : {1, 2, 5, 100})
    EXPECT_THAT(found(mlflow, page_size), ElementsAre("a", "b", "c", "d", "e"));
}

TEST(Search, AsksForLessWhenAPageIsTooLarge) {
  FakeMlflow mlflow;
  for (int i = 0; i < 20; ++i) mlflow.add("run-" + std::to_string(i), now_ms + i);
  mlflow.largest_answer = 3;
  EXPECT_THAT(found(mlflow, 16), SizeIs(20));
  mlflow.largest_answer = 0;
  const auto searched = search_runs(mlflow, {"0"}, "", 16, [](const auto&) { return Status{}; });
  ASSERT_FALSE(searched) << "one run alone is too large";
  EXPECT_EQ(searched.error().kind, ErrorKind::invalid);
}

TEST(Search, EndsWhenAServerAlwaysNamesTheSamePage) {
  class Circle final : public Api {
   public:
    Result<nlohmann::json> post(const std::string&, const nlohmann::json&) override {
      return nlohmann::json{{"next_page_token", "again"}};
    }
  } circle;
  const auto searched = search_runs(circle, {"0"}, "", 10, [](const auto&) { return Status{}; });
  ASSERT_FALSE(searched);
  EXPECT_THAT(searched.error().message, HasSubstr("page_token"));
  EXPECT_FALSE(active_experiments(circle));
}

TEST(Search, TheErrorOfWhoTakesThePagesEndsIt) {
  FakeMlflow mlflow;
  for (const auto* id : {"a", "b", "c"}) mlflow.add(id, now_ms);
  const auto searched = search_runs(mlflow, {"0"}, "", 1, [](const auto&) -> Status {
    return fail(ErrorKind::unavailable, "no room");
  });
  ASSERT_FALSE(searched);
  EXPECT_EQ(searched.error().message, "no room");
  EXPECT_EQ(mlflow.searches(), 1);
}

TEST(Search, FindsAllExperiments) {
  FakeMlflow mlflow;
  mlflow.experiments = {{"0", "Default", {}}, {"1", "vision", {}}, {"7", "search", {}}};
  const auto all = active_experiments(mlflow);
  ASSERT_TRUE(all);
  ASSERT_THAT(*all, SizeIs(3));
  EXPECT_EQ(all->back().id, "7");
  EXPECT_EQ(all->back().name, "search");
}

}  // namespace
}  // namespace oppen::mlflow
