// One holder at a time, and an epoch that only grows.
#include "tests/component/queue/store_fixture.hpp"

namespace oppen::queue {
namespace {

TEST_F(StoreTest, OneHolderAtATime) {
  Lease first(*redis, "oppen.", "first", std::chrono::minutes(1));
  Lease second(*redis, "oppen.", "second", std::chrono::minutes(1));
  EXPECT_TRUE(first.hold().value());
  EXPECT_FALSE(second.hold().value());
  EXPECT_TRUE(first.hold().value());
  second.release();  // not its own
  EXPECT_FALSE(second.hold().value());
  first.release();
  EXPECT_TRUE(second.hold().value());
}

TEST_F(StoreTest, ALapsedLeaseIsFree) {
  ASSERT_TRUE(Lease(*redis, "oppen.", "first", std::chrono::milliseconds(1)).hold().value());
  while (redis->command({"EXISTS", "{oppen.scheduler}:lease"}).value().integer == 1) {
  }
  EXPECT_TRUE(Lease(*redis, "oppen.", "second", std::chrono::minutes(1)).hold().value());
}

TEST_F(StoreTest, AnEpochOnlyGrows) {
  Lease lease(*redis, "oppen.", "me", std::chrono::minutes(1));
  EXPECT_EQ(lease.claim(5, Time{}).error().kind, ErrorKind::fenced);
  EXPECT_EQ(lease.claim(4, Time{}).error().kind, ErrorKind::fenced);
  EXPECT_TRUE(lease.claim(12, Time{}));
  EXPECT_EQ(lease.claim(7, Time{}).error().kind, ErrorKind::fenced);  // by number, not by text
}

}  // namespace
}  // namespace oppen::queue
