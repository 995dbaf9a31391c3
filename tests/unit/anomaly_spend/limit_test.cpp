#include "workers/anomaly/diagnose/limit.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace oppen::anomaly {
namespace {

const Time present{std::chrono::hours(24 * 20'454)};

JobAhead runs(double hours, double dollars_an_hour, double since_hours = 0) {
  JobAhead job;
  job.seconds = 3600 * hours;
  job.dollars = dollars_an_hour * hours;
  job.started = present - std::chrono::minutes(std::llround(60 * since_hours));
  return job;
}
JobAhead waits(double hours, double dollars_an_hour) {
  auto job = runs(hours, dollars_an_hour);
  job.started.reset();
  return job;
}

TEST(SavedByLimit, ShortJobsThatComeAgainAreReplacedByFewer) {
  // Four at $1 an hour, of 15 minutes each: $96 a day; one in their place: $24, after a quarter of an hour.
  const std::vector<JobAhead> jobs(4, runs(0.25, 1));
  EXPECT_NEAR(saved_by_limit(jobs, 1, present), 72, 1.5);
  EXPECT_NEAR(saved_by_limit(jobs, 3, present), 24, 1.5);
}

TEST(SavedByLimit, WhatRunsIsNotEndedByIt) {
  // They run for 12 hours more; only then are there fewer.
  const std::vector<JobAhead> jobs(4, runs(24, 1, 12));
  EXPECT_NEAR(saved_by_limit(jobs, 1, present), 36, 0.5);
  const std::vector<JobAhead> long_ones(4, runs(48, 1));
  EXPECT_EQ(saved_by_limit(long_ones, 1, present), 0);
}

TEST(SavedByLimit, WhatWaitsTakesTheirPlaceFirst) {
  std::vector<JobAhead> jobs(2, runs(1, 1));
  for (int i = 0; i < 100; ++i) jobs.push_back(waits(1, 3));
  // 2 x 23 hours at $3; one in their place.
  EXPECT_NEAR(saved_by_limit(jobs, 1, present), 69, 3);
}

TEST(SavedByLimit, ALimitAboveWhatRunsSavesNothing) {
  EXPECT_EQ(saved_by_limit({runs(1, 1)}, 1, present), 0);
  EXPECT_EQ(saved_by_limit({}, 1, present), 0);
}

}  // namespace
}  // namespace oppen::anomaly
