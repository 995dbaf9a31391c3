// One order of many logs, and what is still waited for.
#include "workers/anomaly/worker/merge.hpp"

#include "tests/unit/alerts/at.hpp"

namespace oppen::anomaly {
namespace {

constexpr std::size_t a = 0;
constexpr std::size_t b = 1;

Entry entry(std::int64_t offset, Time when) { return {offset, {when, "", when, {}}}; }

std::vector<std::string> all_of(Merge& merge) {
  std::vector<std::string> all;
  while (const auto item = merge.pop())
    all.push_back((item->place == a ? "a" : "b") + std::to_string(item->offset));
  return all;
}

TEST(Merge, WaitsForWhatMayComeEarlier) {
  Merge merge;
  merge.begin({});
  merge.begin({});
  merge.add(a, entry(0, at(1s)));
  merge.add(a, entry(1, at(5s)));
  EXPECT_FALSE(merge.pop());
  EXPECT_EQ(merge.first(), b) << "of which the next may come";
  merge.add(b, entry(0, at(3s)));
  EXPECT_EQ(all_of(merge), (std::vector<std::string>{"a0", "b0"}));
  EXPECT_EQ(merge.until(), at(3s));
  merge.heard(b, at(4s));
  EXPECT_EQ(merge.until(), at(4s));
  EXPECT_FALSE(merge.pop());
  merge.heard(b, at(6s));
  EXPECT_EQ(all_of(merge), std::vector<std::string>{"a1"});
  EXPECT_EQ(merge.size(), 0);
}

TEST(Merge, APartitionKeepsItsOrderWhateverItsTimesSay) {
  Merge merge;
  merge.begin({});
  merge.begin({});
  merge.add(a, entry(0, at(9s)));
  merge.add(a, entry(1, at(2s)));
  merge.add(b, entry(0, at(5s)));
  merge.heard(a, at(20s));
  merge.heard(b, at(20s));
  EXPECT_EQ(merge.reached(a), at(20s));
  const auto first = merge.pop();
  EXPECT_EQ(first->place, b);
  EXPECT_EQ(merge.pop()->offset, 0);
  const auto last = merge.pop();
  EXPECT_EQ(last->offset, 1);
  EXPECT_EQ(last->happening.at, at(9s));
  merge.heard(b, at(3s));  // steps not back
  EXPECT_EQ(merge.until(), at(20s));
}

TEST(Merge, HoweverItArrivesTheOrderIsTheSame) {
  std::vector<std::string> first;
  for (const bool a_first : {true, false}) {
    Merge merge;
    merge.begin({});
    merge.begin({});
    const auto fill = [&](std::size_t partition, int step) {
      for (int i = 0; i < 20; ++i)
        merge.add(partition, entry(i, at(std::chrono::seconds(i * step))));
    };
    if (a_first) fill(a, 2);
    fill(b, 3);
    if (!a_first) fill(a, 2);
    merge.heard(a, at(1h));
    merge.heard(b, at(1h));
    const auto all = all_of(merge);
    EXPECT_EQ(all.size(), 40);
    if (a_first) {
      first = all;
    } else {
      EXPECT_EQ(all, first);
    }
  }
}

}  // namespace
}  // namespace oppen::anomaly
