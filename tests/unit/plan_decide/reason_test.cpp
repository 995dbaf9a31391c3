// Each reason says in one sentence what it has in its fields.
#include "scheduler/plan/reason.hpp"

#include <gtest/gtest.h>

namespace oppen::plan {
namespace {

using Kind = Reason::Kind;

Reason of(Kind kind) {
  Reason reason;
  reason.kind = kind;
  return reason;
}

const Time ten_o_clock = *parse_rfc3339("2026-01-03T22:00:00Z");

TEST(Reason, SaysWhatItKnows) {
  Reason slot = of(Kind::waiting_for_slot);
  slot.slots = slot.taken = 3;
  EXPECT_EQ(slot.sentence(), "waits for a free slot (3 of 3 taken)");

  Reason quota = of(Kind::quota);
  quota.quota = "ml-training-quota";
  quota.resource = "gpus";
  quota.need = 2;
  quota.free = 1;
  quota.allowed = 4;
  EXPECT_EQ(quota.sentence(), "waits for quota ml-training-quota: needs 2 gpus, 1 gpu free");

  Reason lowered = quota;
  lowered.allowed = 1;
  EXPECT_EQ(lowered.sentence(),
            "waits until quota ml-training-quota is raised: needs 2 gpus, it allows 1 gpu in all");

  Reason behind = of(Kind::behind);
  behind.job = "mnist-7";
  behind.count = 41;
  behind.because = slot.sentence();
  EXPECT_EQ(behind.sentence(),
            "waits behind 41 jobs; the next one, mnist-7, waits for a free slot (3 of 3 taken)");
  behind.count = 1;
  EXPECT_EQ(behind.sentence().substr(0, 19), "waits behind 1 job;");

  Reason reserved = of(Kind::reserved_for);
  reserved.job = "big-1";
  reserved.because = quota.sentence();
  EXPECT_EQ(reserved.sentence(),
            "would fit now, but what is free is reserved for big-1, which waits for quota "
            "ml-training-quota: needs 2 gpus, 1 gpu free");
  reserved.until = ten_o_clock;
  EXPECT_TRUE(reserved.sentence().ends_with("; it can start by 2026-01-03T22:00:00.000Z"));
}

TEST(Reason, SaysWhatHoldsAJob) {
  Reason depends = of(Kind::depends_on);
  depends.job = "prepare-1";
  depends.count = 1;
  EXPECT_EQ(depends.sentence(), "waits for prepare-1 to succeed");
  depends.count = 3;
  EXPECT_EQ(depends.sentence(), "waits for prepare-1 and 2 jobs more to succeed");

  Reason window = of(Kind::window);
  EXPECT_EQ(window.sentence(), "waits for the off-peak window");
  window.until = ten_o_clock;
  EXPECT_EQ(window.sentence(),
            "waits for the off-peak window, which opens at 2026-01-03T22:00:00.000Z");

  Reason retry = of(Kind::retry_hold);
  retry.until = ten_o_clock;
  EXPECT_EQ(retry.sentence(), "failed and is tried again at 2026-01-03T22:00:00.000Z");

  Reason budget = of(Kind::budget_hold);
  budget.budget = "team-vision";
  EXPECT_EQ(budget.sentence(), "is held by budget team-vision, which is spent");
  Reason paused = of(Kind::paused);
  EXPECT_EQ(paused.sentence(), "waits because the queue is paused");
  paused.until = ten_o_clock;
  EXPECT_EQ(paused.sentence(), "waits because the queue is paused until 2026-01-03T22:00:00.000Z");
  Reason never = of(Kind::never_fits);
  never.because = "needs 8 gpus, the largest node has 4 gpus";
  EXPECT_EQ(never.sentence(), "can never run here: needs 8 gpus, the largest node has 4 gpus");
}

}  // namespace
}  // namespace oppen::plan
