// Proves to whom a GPU is attributed, and that shares are whole however they are added.
#include "producers/telemetry/holders.hpp"

#include <gmock/gmock.h>

#include <numeric>

#include "tests/unit/telemetry_agent/scripted.hpp"

namespace oppen::telemetry {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const KnownPods pods({pod("a", "uid-a"), pod("b", "uid-b")});

std::string pod_of(std::int64_t pid) {
  return pid == 1 || pid == 3 ? "uid-a" : pid == 2 ? "uid-b" : pid == 9 ? "uid-elsewhere" : "";
}

GpuReading with(std::vector<GpuProcess> processes) {
  auto reading = gpu();
  reading.processes = std::move(processes);
  return reading;
}

std::vector<Holder> holders(const GpuReading& reading) { return holders_of(reading, pods, pod_of); }

TEST(Holders, AreNobodyWithoutProcesses) { EXPECT_THAT(holders(gpu()), IsEmpty()); }

TEST(Holders, ProcessesOutsideOfPodsAreNobody) {
  EXPECT_THAT(holders(with({{77, 500, 30}})), IsEmpty());
  const auto found = holders(with({{77, 500, 30}, {1, 500, {}}}));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].part, 1);
}

TEST(Holders, AreNamedWithTheirJob) {
  const auto found = holders(with({{1, 500, 30}, {3, 100, {}}}));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].pod, "a-1");
  EXPECT_EQ(found[0].pod_namespace, "ml-training");
  EXPECT_EQ(found[0].job_id, "a");
  EXPECT_EQ(found[0].attempt, 1);
  EXPECT_EQ(found[0].model_type, "resnet50");
  EXPECT_EQ(found[0].memory_mb, 600);
}

TEST(Holders, SplitByUtilisationThenMemoryThenEvenly) {
  const auto parts = [](const std::vector<Holder>& found) {
    return std::vector<double>{found.at(0).part, found.at(1).part};
  };
  EXPECT_THAT(parts(holders(with({{1, 100, 60}, {2, 900, 20}}))), ElementsAre(0.75, 0.25));
  EXPECT_THAT(parts(holders(with({{1, 100, {}}, {2, 300, 0}}))), ElementsAre(0.25, 0.75));
  EXPECT_THAT(parts(holders(with({{1, {}, {}}, {2, {}, {}}}))), ElementsAre(0.5, 0.5));
}

TEST(Holders, PodsThatAreNotKnownHoldTheirPart) {
  const auto found = holders(with({{1, 100, {}}, {9, 300, {}}}));
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].pod, "");
  EXPECT_EQ(found[0].part, 0.75);
  EXPECT_EQ(found[1].pod, "a-1");
}

TEST(Holders, AreWhomTheSourceNames) {
  auto reading = with({{2, 300, {}}});
  reading.pod = "a-1";
  reading.pod_namespace = "ml-training";
  auto found = holders(reading);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].job_id, "a");
  reading.pod = "web-0";  // no pod that the API server tells of
  found = holders(reading);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].pod, "web-0");
  EXPECT_EQ(found[0].job_id, "");

  reading.pod = "";
  reading.sharing = {{"b-1", "ml-training"}, {"a-1", "ml-training"}};
  found = holders(reading);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].job_id, "a");
  EXPECT_EQ(found[0].part, 0.5);
}

TEST(Shares, AddUpToOneExactlyInAnyOrder) {
  for (const auto& parts : std::vector<std::vector<double>>{
           {1}, {1, 1, 1}, {0.1, 0.2, 0.7}, {1e-9, 5, 1e9}, {3, 3, 3, 3, 3, 3, 3}, {0, 1}}) {
    auto shares = to_shares(parts);
    ASSERT_EQ(shares.size(), parts.size());
    for (const double share : shares) EXPECT_GT(share, 0);
    EXPECT_EQ(std::accumulate(shares.begin(), shares.end(), 0.0), 1.0);
    EXPECT_EQ(std::accumulate(shares.rbegin(), shares.rend(), 0.0), 1.0);
  }
  EXPECT_THAT(to_shares({3, 1}), ElementsAre(DoubleEq(0.75), DoubleEq(0.25)));
}

}  // namespace
}  // namespace oppen::telemetry
