// The trace bench: its reader names what it can't read, its replay keeps order and bounds, and the bounds that it is
// held against are none that it could beat.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <random>

#include "bench/trace/bounds.hpp"

namespace oppen::bench {
namespace {

using testing::HasSubstr;

constexpr auto header =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,"
    "deletion_time,scheduled_time\n";

Result<std::vector<TracePod>> read(const std::string& text) {
  const auto path = testing::TempDir() + "/pods-" +
                    testing::UnitTest::GetInstance()->current_test_info()->name() + ".csv";
  std::ofstream(path) << text;
  return read_pod_trace(path);
}

std::int64_t second(Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

TEST(PodTrace, IsReadInOrderOfArrival) {
  const auto pods = read(std::string(header) +
                         "b,3000,1024,1,460,,LS,Running,50,150,60\n"
                         "a,1000,2048,2,1000,,BE,Succeeded,40,100,40\n"
                         "never,1000,2048,0,0,,BE,Pending,70,90,\n");
  ASSERT_TRUE(pods) << pods.error().message;
  ASSERT_EQ(pods->size(), 3U);
  EXPECT_EQ(second(pods->at(0).arrives), 40);
  EXPECT_EQ(pods->at(0).resources.gpus, 2);
  EXPECT_EQ(pods->at(0).resources.memory_bytes, std::int64_t{2} << 30);
  EXPECT_EQ(pods->at(0).run_seconds, 60);
  EXPECT_EQ(pods->at(1).run_seconds, 90) << "from its scheduling on";
  EXPECT_EQ(pods->at(1).resources.gpu_share, 0.46);
  EXPECT_EQ(pods->at(2).run_seconds, 20) << "never scheduled: as long as it was there";
}

TEST(PodTrace, NamesWhatItCannotRead) {
  EXPECT_THAT(read("").error().message, HasSubstr("is empty"));
  EXPECT_THAT(read("name,cpu_milli\n").error().message, HasSubstr("no column memory_mib"));
  EXPECT_THAT(read(std::string(header) + "a,1,1,1,1000,,,,10,x,10\n").error().message,
              HasSubstr("line 2: deletion_time is \"x\""));
  EXPECT_THAT(read(std::string(header) + "a,1,1,1,1000,,,,-1,2,\n").error().message,
              HasSubstr("line 2: creation_time is \"-1\""));
  EXPECT_THAT(read(std::string(header) + "a,1\n").error().message, HasSubstr("memory_mib is \"\""));
  EXPECT_EQ(read_pod_trace("/nowhere/pods.csv").error().kind, ErrorKind::not_found);
}

std::vector<TraceJob> random_jobs(unsigned seed, int count) {
  std::mt19937 random(seed);
  const auto below = [&](unsigned bound) { return static_cast<std::int64_t>(random() % bound); };
  std::vector<TracePod> pods;
  std::int64_t arrives = 0;
  for (int i = 0; i < count; ++i) {
    TracePod pod;
    arrives += below(60);
    pod.arrives = Time(std::chrono::seconds(arrives));
    pod.run_seconds = 1 + below(600);
    pod.resources.gpus = below(8) == 0 ? 8 : 1;
    pod.resources.cpu_millicores = 1000;
    pods.push_back(pod);
  }
  return jobs_of(pods);
}

Time end_of(const TraceJob& job, Time start) {
  return start + std::chrono::milliseconds(static_cast<std::int64_t>(job.run_seconds * 1000));
}

// The most that is taken of each at once.
plan::Amounts peak(const std::vector<TraceJob>& jobs, const std::vector<Time>& starts) {
  std::multimap<Time, std::pair<int, plan::Amounts>> changes;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    changes.insert({end_of(jobs[i], starts[i]), {-1, jobs[i].amounts}});
  }
  // Of the same moment, ends count before starts.
  for (std::size_t i = 0; i < jobs.size(); ++i) changes.insert({starts[i], {1, jobs[i].amounts}});
  plan::Amounts now, most;
  for (const auto& [at, change] : changes) {
    now.gpus += change.first * change.second.gpus;
    now.cpu_millicores += change.first * change.second.cpu_millicores;
    most.gpus = std::max(most.gpus, now.gpus);
    most.cpu_millicores = std::max(most.cpu_millicores, now.cpu_millicores);
  }
  return most;
}

TEST(VirtualRun, KeepsOrderAndBounds) {
  constexpr unsigned seed = 20260105;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const auto jobs = random_jobs(seed, 400);
  const plan::Amounts room{0, 16, 1'000'000, std::int64_t{1} << 50};
  for (const bool backfill : {false, true}) {
    const auto starts = run_virtually(jobs, room, {.backfill = backfill});
    ASSERT_EQ(starts.size(), jobs.size());
    std::vector<Time> times;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      times.push_back(starts[i].at);
      EXPECT_GE(starts[i].at, jobs[i].arrives);
      EXPECT_EQ(starts[i].waited, starts[i].at > jobs[i].arrives);
      EXPECT_GE(starts[i].told_p90, jobs[i].arrives);
    }
    EXPECT_EQ(std::is_sorted(times.begin(), times.end()), !backfill);
    EXPECT_LE(peak(jobs, times).gpus, room.gpus);
  }
}

TEST(Bounds, HoldForTheReplayAndForEachOther) {
  constexpr unsigned seed = 20260106;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const auto jobs = random_jobs(seed, 300);
  const plan::Amounts room{0, 12, 1'000'000, std::int64_t{1} << 50};
  const auto earliest = earliest_end(jobs, room);
  const auto last_end = [&](const std::vector<Time>& starts) {
    Time last{};
    for (std::size_t i = 0; i < jobs.size(); ++i) last = std::max(last, end_of(jobs[i], starts[i]));
    return last;
  };
  for (const auto order : {ListOrder::shortest_first, ListOrder::longest_first}) {
    const auto starts = list_schedule(jobs, room, order);
    EXPECT_GE(last_end(starts), earliest);
    EXPECT_LE(peak(jobs, starts).gpus, room.gpus);
    for (std::size_t i = 0; i < jobs.size(); ++i) EXPECT_GE(starts[i], jobs[i].arrives);
  }
  std::vector<Time> times;
  for (const auto& start : run_virtually(jobs, room, {.backfill = true})) times.push_back(start.at);
  EXPECT_GE(last_end(times), earliest);
}

TEST(Bounds, AreThoseOfHand) {
  // Two GPUs; three jobs of one GPU that come at once and run 10, 20 and 30 s.
  std::vector<TraceJob> jobs(3);
  for (std::size_t i = 0; i < 3; ++i) {
    jobs[i].run_seconds = 10.0 * static_cast<double>(i + 1);
    jobs[i].amounts = {1, 1, 0, 0};
  }
  const plan::Amounts room{0, 2, 1, 1};
  EXPECT_EQ(second(earliest_end(jobs, room)), 30);
  const auto seconds = [](const std::vector<Time>& starts) {
    std::vector<std::int64_t> all;
    for (const auto start : starts) all.push_back(second(start));
    return all;
  };
  EXPECT_THAT(seconds(list_schedule(jobs, room, ListOrder::shortest_first)),
              testing::ElementsAre(0, 0, 10));
  EXPECT_THAT(seconds(list_schedule(jobs, room, ListOrder::longest_first)),
              testing::ElementsAre(20, 0, 0));
}

}  // namespace
}  // namespace oppen::bench
