// Proves that the C++ types agree with the published examples: every valid one is read and comes
// back the same, every invalid one is refused for exactly the field that its name gives after the
// "@".
#include "examples.hpp"

#include <set>

#include "schemas/topics.hpp"

namespace oppen {
namespace {

using test::examples;

TEST(Examples, ThatAreValidComeBackAsTheyWere) {
  for (const auto& example : examples("valid")) {
    SCOPED_TRACE(std::string(example.type->type) + " " + example.name);
    const auto written = example.type->rewrite(example.data);
    ASSERT_TRUE(written) << sentences(written.error());
    // What the lenient ones say more than they must is not written again.
    if (!example.name.starts_with("lenient-")) {
      EXPECT_EQ(*written, example.data);
    }
    EXPECT_EQ(example.type->rewrite(*written).value(), *written);
  }
}

TEST(Examples, ThatAreInvalidAreRefusedForTheFieldInTheirName) {
  for (const auto& example : examples("invalid")) {
    SCOPED_TRACE(std::string(example.type->type) + " " + example.name);
    const auto written = example.type->rewrite(example.data);
    ASSERT_FALSE(written);
    ASSERT_EQ(written.error().size(), 1U) << sentences(written.error());
    EXPECT_EQ(written.error()[0].path, example.name.substr(example.name.find('@') + 1));
  }
}

TEST(EventTypes, BelongToTopicsOfTheContract) {
  std::set<std::string_view> topic_names;
  for (const auto& topic : topics::all()) topic_names.insert(topic.name);
  std::set<std::string_view> types;
  for (const auto& type : event_types()) {
    EXPECT_TRUE(topic_names.contains(type.topic)) << type.type;
    EXPECT_TRUE(types.insert(type.type).second) << type.type;
    EXPECT_EQ(find_event_type(type.type), &type);
  }
  EXPECT_EQ(find_event_type("dev.oppen.job.submit.v2"), nullptr);
}

}  // namespace
}  // namespace oppen
