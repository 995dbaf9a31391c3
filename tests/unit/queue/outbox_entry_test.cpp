// An outbox entry comes back as it was written, whatever its data holds; outbox ids compare by time, then number.
#include "scheduler/queue/outbox_entry.hpp"

#include <gtest/gtest.h>

#include "scheduler/queue/outbox_relay.hpp"

namespace oppen::queue {
namespace {

TEST(OutboxEntry, ComesBackAsItWasWritten) {
  const OutboxEntry entry{"job-events",
                          "mnist-1",
                          "dev.oppen.job.queued.v1",
                          "mnist-1/1",
                          Time{std::chrono::milliseconds{1'767'463'200'123}},
                          "{\"text\":\"a\nb\"}\n"};
  const auto decoded = decode_entry(encode(entry));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(encode(*decoded), encode(entry));
  EXPECT_EQ(decoded->data, entry.data);
  EXPECT_EQ(decoded->time, entry.time);
}

TEST(OutboxEntry, TooFewLinesIsAnError) { EXPECT_FALSE(decode_entry("job-events\nmnist-1\n")); }

TEST(OutboxId, ComparesTimeThenNumber) {
  EXPECT_TRUE(outbox_id_reached("1000-9", "1001-0"));
  EXPECT_TRUE(outbox_id_reached("1000-9", "1000-10"));
  EXPECT_TRUE(outbox_id_reached("1000-9", "1000-9"));
  EXPECT_FALSE(outbox_id_reached("1000-10", "1000-9"));
  EXPECT_FALSE(outbox_id_reached("10000-0", "9999-5"));
}

}  // namespace
}  // namespace oppen::queue
