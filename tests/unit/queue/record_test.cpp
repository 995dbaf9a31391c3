// A job's record comes back from Redis as it was written, and a broken one is an error, not a job.
#include "scheduler/queue/record.hpp"

#include <gmock/gmock.h>

namespace oppen::queue {
namespace {

JobRecord full_record() {
  JobRecord record;
  record.state = JobState::running;
  record.version = 7;
  record.seq = 3;
  record.priority = Priority::background;
  record.attempt = 2;
  record.place = place_of(123'456'789, 9'999);
  record.estimated_cost = {20'500};
  record.estimated_seconds = 246.25;
  record.hold = Hold::retry;
  record.not_before = Time{std::chrono::milliseconds{1'767'463'200'500}};
  record.spread_permille = 250;
  record.doubt_permille = 90;
  record.spec.max_runtime_seconds = 3600;
  record.spec.job_id = "mnist-1";
  record.spec.name = "MNIST, \"quoted\"\nand on two lines";
  record.spec.model_type = "mnist";
  record.spec.user = "kim";
  record.spec.epochs = 2;
  record.spec.batch_size = 64;
  record.spec.resources = {1, std::nullopt, "A100", 1500, std::int64_t{2} << 30};
  record.spec.env = {{"KEY", "value with spaces"}};
  record.submitted_hash = "0123456789abcdef";
  record.batch_id = "sweep";
  record.submitted_at = Time{std::chrono::milliseconds{1'767'463'200'123}};
  record.expected_wait_seconds = 3600;
  record.pod_uid = "uid";
  record.launched = true;
  record.launching_at = record.submitted_at;
  record.node = "node-1";
  record.gpu_type = "A100";
  record.started_at = record.submitted_at;
  record.requested_by = "ana";
  record.cancelled_from = JobState::running;
  record.metrics = {{"accuracy", 0.98}};
  return record;
}

TEST(JobRecord, ComesBackAsItWasWritten) {
  const auto record = full_record();
  const auto decoded = decode("mnist-1", encode(record));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(encode(*decoded), encode(record));
  EXPECT_EQ(decoded->spec, record.spec);
  EXPECT_EQ(decoded->version, 7);
  EXPECT_EQ(decoded->place, record.place);
  EXPECT_EQ(decoded->started_at, record.started_at);
  EXPECT_EQ(decoded->expected_wait_seconds, 3600);
  EXPECT_EQ(decoded->metrics, record.metrics);
  EXPECT_EQ(decoded->estimated_seconds, 246.25);
  EXPECT_EQ(decoded->hold, Hold::retry);
  EXPECT_EQ(decoded->not_before, record.not_before);
}

TEST(JobRecord, TheHeaderIsWhatTheScriptsRead) {
  EXPECT_THAT(encode(full_record()),
              testing::StartsWith("r 7 3 b 2 " + std::to_string(place_of(123'456'789, 9'999)) +
                                  " 1 1500 2147483648 20500 246250 t 1767463200500 250 90 3600 kim\n{"));
}

TEST(JobRecord, PlaceIsOffsetFirstThenIndex) {
  EXPECT_LT(place_of(5, 9'999), place_of(6, 0));
  EXPECT_LT(place_of(5, 0), place_of(5, 1));
  EXPECT_EQ(offset_of(place_of(5, 9'999)), 5);
  // A sorted set's score is a double: places must stay exact up to offsets no log reaches.
  const auto far = place_of(500'000'000'000, 9'999);
  EXPECT_EQ(static_cast<std::int64_t>(static_cast<double>(far)), far);
}

TEST(JobRecord, ABrokenTextIsAnError) {
  const auto good = encode(full_record());
  for (const auto& text :
       {std::string(), std::string("r 7"), "?" + good.substr(1), good.substr(0, good.size() - 1),
        std::string("r x 3 b 2 1 1 1 1 1 1\n{}")}) {
    EXPECT_FALSE(decode("mnist-1", text)) << text;
  }
}

}  // namespace
}  // namespace oppen::queue
