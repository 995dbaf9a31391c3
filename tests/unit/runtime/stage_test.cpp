// The owner and the stage work on different batches at the same time, and none of it is lost, doubled or overtaken.
#include "workers/runtime/stage.hpp"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <vector>

namespace oppen::runtime {
namespace {

struct Numbers {
  std::vector<int> given;
  std::vector<int> squares;
};

TEST(Stage, GivesAllBackInTheirOrder) {
  Stage<Numbers> stage([](Numbers& batch) {
    batch.squares.clear();
    for (const int number : batch.given) batch.squares.push_back(number * number);
  });
  EXPECT_EQ(stage.take(), nullptr);
  std::unique_ptr<Numbers> spare;
  int taken = 0;
  const auto take = [&] {
    spare = stage.take();
    ASSERT_TRUE(spare);
    EXPECT_EQ(spare->given.front(), taken);
    EXPECT_EQ(spare->squares, (std::vector<int>{taken * taken, 1})) << taken;
    ++taken;
  };
  for (int i = 0; i < 2'000; ++i) {
    auto batch = spare ? std::move(spare) : std::make_unique<Numbers>();
    batch->given = {i, 1};
    stage.put(std::move(batch));
    if (stage.size() > 1U + static_cast<std::size_t>(i % 3)) take();
  }
  while (stage.size() > 0) take();
  EXPECT_EQ(taken, 2'000);
}

TEST(Stage, WorksWhileItsOwnerDoesOtherThings) {
  std::promise<void> owner_has_gone_on;
  Stage<int> stage([&](int& number) {
    if (number == 1) owner_has_gone_on.get_future().wait();
    number += 10;
  });
  stage.put(std::make_unique<int>(1));
  stage.put(std::make_unique<int>(2));
  EXPECT_EQ(stage.size(), 2U);
  owner_has_gone_on.set_value();
  EXPECT_EQ(*stage.take(), 11);
  EXPECT_EQ(*stage.take(), 12);
}

TEST(Stage, FinishesWhatItWorksOnWhenItEnds) {
  std::promise<void> begun;
  std::promise<void> goes_on;
  bool finished = false;
  std::optional<Stage<int>> stage(std::in_place, [&](int& /*number*/) {
    begun.set_value();
    goes_on.get_future().wait();
    finished = true;
  });
  stage->put(std::make_unique<int>(1));
  begun.get_future().wait();
  std::jthread ends([&] { stage.reset(); });
  goes_on.set_value();
  ends.join();
  EXPECT_TRUE(finished);
}

}  // namespace
}  // namespace oppen::runtime
