// Proves that a report adds up, however it is grouped: groups to the total, the total to the days, averages and shares by their
// arithmetic, what GPUs did with how much of it was measured, the change against the days before, and what is not known left out.
#include "workers/cost/report/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

sys_days day(int d) { return sys_days(std::chrono::year{2026} / 1 / d); }
const DayRange january{day(1), sys_days(std::chrono::year{2026} / 2 / 1)};
const Time afterwards = Time(january.to) + 1h;

// 4.1 minutes on one GPU and one core, 246 s / 3600 x 0.25 = 17,083 and x 0.05 = 3,417 micro-dollars: $0.0205.
Spent run_of_4_minutes() {
  Spent spent;
  spent.gpu_microusd = 17'083;
  spent.cpu_microusd = 3'417;
  spent.total_microusd = 20'500;
  spent.run_ms = spent.gpu_ms = 246'000;
  return spent;
}

// The same for 4.9 minutes and a bit: 24,800 together, so that both make $0.0453.
Spent run_of_5_minutes() {
  Spent spent;
  spent.gpu_microusd = 20'667;
  spent.cpu_microusd = 4'133;
  spent.total_microusd = 24'800;
  spent.run_ms = spent.gpu_ms = 297'600;
  return spent;
}

DayRow row(int d, const std::string& model, const std::string& team, const Spent& spent) {
  return {{day(d), team, "digits", model, "training", "T4", "ml-training"}, spent};
}

RunRecord run(const std::string& id, const std::string& model, const std::string& team, int d,
              const Spent& spent) {
  RunRecord record;
  record.job_id = id;
  record.model_type = model;
  record.team = team;
  record.project = "digits";
  record.gpu_type = "T4";
  record.state = "succeeded";
  record.attempts = 1;
  record.started_at = Time(day(d)) + 12h;
  record.ended_at = *record.started_at + std::chrono::milliseconds(spent.run_ms);
  record.run_seconds = static_cast<double>(spent.run_ms) / 1000;
  record.metrics = {{"accuracy", 0.987}};
  record.spent = spent;
  return record;
}

ReportInput two_runs() {
  ReportInput input;
  input.range = january;
  input.days = {row(3, "mnist", "vision", run_of_4_minutes()),
                row(4, "mnist", "speech", run_of_5_minutes())};
  input.runs = {run("b", "mnist", "speech", 4, run_of_5_minutes()),
                run("a", "mnist", "vision", 3, run_of_4_minutes())};
  return input;
}

std::int64_t sum(const Report& report) {
  std::int64_t total = 0;
  for (const Group& group : report.groups) total += group.spent.total_microusd;
  return total;
}

std::vector<std::string> keys(const Report& report) {
  std::vector<std::string> list;
  for (const Group& group : report.groups) list.push_back(group.key);
  return list;
}

TEST(Report, OfTheWorkedExample) {
  // TOTAL $0.0453 of two runs; average cost per run $0.0453 / 2 = $0.02265, which is shown as $0.0227; average duration
  // (246 + 297.6) / 2 = 271.8 s = 4.5 minutes.
  auto input = two_runs();
  input.by = GroupBy::run;
  const auto report = make_report(input, afterwards);
  EXPECT_EQ(report.total.spent.total_microusd, 20'500 + 24'800);
  EXPECT_EQ(report.total.runs, 2);
  EXPECT_EQ(report.total.average()->value, 22'650);
  EXPECT_EQ(to_string(MicroUsd{45'300}), "$0.0453");
  EXPECT_EQ(to_string(*report.total.average()), "$0.0227");
  EXPECT_DOUBLE_EQ(*report.mean_run_seconds, 271.8);
  EXPECT_THAT(keys(report), ElementsAre("b", "a"));  // the dearest first
  EXPECT_EQ(to_json(report)["groups"][1]["run"]["metrics"]["accuracy"], 0.987);
}

TEST(Report, AddsUpByWhateverItIsAsked) {
  for (const GroupBy by : all_groupings) {
    auto input = two_runs();
    input.by = by;
    const auto report = make_report(input, afterwards);
    EXPECT_EQ(sum(report), 45'300) << to_string(by);
    EXPECT_EQ(to_json(report)["by"], to_string(by));
  }
  auto input = two_runs();
  input.by = GroupBy::team;
  const auto report = make_report(input, afterwards);
  EXPECT_THAT(keys(report), ElementsAre("speech", "vision"));
  EXPECT_EQ(report.groups[0].runs, 1);
  // 20,500 / 45,300 = 45.2539 %
  EXPECT_NEAR(to_json(report)["groups"][1]["share_percent"], 45.2539, 0.0001);
  input.by = GroupBy::day;
  EXPECT_THAT(keys(make_report(input, afterwards)), ElementsAre("2026-01-03", "2026-01-04"));
}

TEST(Report, ARunThatCrossedTheEdgeLeavesARest) {
  // It cost 24,800 in all, of which 4,800 came in February.
  auto input = two_runs();
  input.by = GroupBy::run;
  input.days[1].spent.total_microusd = 20'000;
  input.days[1].spent.gpu_microusd = 15'867;
  const auto report = make_report(input, afterwards);
  ASSERT_EQ(report.groups.size(), 3U);
  EXPECT_TRUE(report.groups[2].rest);
  EXPECT_EQ(report.groups[2].spent.total_microusd, -4'800);
  EXPECT_EQ(sum(report), report.total.spent.total_microusd);
  EXPECT_EQ(report.total.spent.total_microusd, 40'500);
}

TEST(Report, OfMoreRunsThanAreReadDoesNotCountThem) {
  auto input = two_runs();
  input.all_runs = false;
  input.runs.pop_back();
  auto body = to_json(make_report(input, afterwards));
  EXPECT_FALSE(body["total"].contains("runs"));
  EXPECT_FALSE(body["groups"][0].contains("average_microusd"));
  input.by = GroupBy::run;
  const auto by_run = make_report(input, afterwards);
  EXPECT_EQ(by_run.groups.back().spent.total_microusd, 20'500);
  EXPECT_TRUE(by_run.groups.back().rest);
}

TEST(Report, TellsOfHowMuchTheUseWasMeasured) {
  // Of 17,083 for the GPU, telemetry covered 10,000, and of those 40 % worked: 4,000; 6,000 were wasted, of the rest nobody knows.
  auto input = two_runs();
  input.days.pop_back();
  input.days[0].spent.measured_microusd = 10'000;
  input.days[0].spent.effective_microusd = 4'000;
  const auto body = to_json(make_report(input, afterwards));
  const auto& group = body["groups"][0];
  EXPECT_EQ(group["wasted_microusd"], 6'000);
  EXPECT_EQ(group["effective_percent"], 40.0);
  EXPECT_NEAR(group["measured_percent"], 100.0 * 10'000 / 17'083, 1e-9);
  input.days[0].spent.measured_microusd = input.days[0].spent.effective_microusd = 0;
  const auto unmeasured = to_json(make_report(input, afterwards));
  EXPECT_EQ(unmeasured["groups"][0]["measured_percent"], 0.0);
  EXPECT_FALSE(unmeasured["groups"][0].contains("wasted_microusd"));
}

TEST(Report, AgainstTheDaysBefore) {
  // 45,300 after 30,200: 15,100 more, which is 50 %.
  auto input = two_runs();
  auto earlier = row(1, "mnist", "vision", {});
  earlier.spent.total_microusd = 30'200;
  input.earlier = {earlier};
  auto body = to_json(make_report(input, afterwards));
  EXPECT_EQ(body["before"]["from"], "2025-12-01");
  EXPECT_EQ(body["before"]["to"], "2025-12-31");
  EXPECT_EQ(body["before"]["change_microusd"], 15'100);
  EXPECT_EQ(body["before"]["change_percent"], 50.0);
  EXPECT_EQ(body["ongoing"], false);
  EXPECT_EQ(body["to"], "2026-01-31");
  EXPECT_EQ(to_json(make_report(input, Time(day(20))))["ongoing"], true);
  input.earlier.clear();
  EXPECT_FALSE(to_json(make_report(input, afterwards))["before"].contains("change_percent"));
}

TEST(Report, OfNothingIsAnAnswer) {
  ReportInput input;
  input.range = january;
  const auto body = to_json(make_report(input, afterwards));
  EXPECT_EQ(body["total"]["total_microusd"], 0);
  EXPECT_EQ(body["total"]["runs"], 0);
  EXPECT_TRUE(body["groups"].empty());
}

TEST(Report, IsFiltered) {
  auto input = two_runs();
  input.filter.team = "vision";
  input.runs.erase(input.runs.begin());  // as Books filters them
  const auto body = to_json(make_report(input, afterwards));
  EXPECT_EQ(body["total"]["total_microusd"], 20'500);
  EXPECT_EQ(body["team"], "vision");
}

TEST(Report, ByDayCountsARunOnEachDayItWasAtWork) {
  auto input = two_runs();
  input.by = GroupBy::day;
  input.runs[1].ended_at = Time(day(4)) + 1h;  // began on the 3rd
  const auto report = make_report(input, afterwards);
  EXPECT_EQ(report.groups[0].runs, 1);
  EXPECT_EQ(report.groups[1].runs, 2);
  EXPECT_EQ(report.total.runs, 2);
}

TEST(Csv, HasALineForEachGroupAndTheTotal) {
  auto input = two_runs();
  input.days[0].key.team = "=cmd()";
  input.days[1].key.team = "a \"b\", c";
  input.by = GroupBy::team;
  const auto text = to_csv(make_report(input, afterwards));
  EXPECT_THAT(text, HasSubstr("row,team,from,to,total_microusd,"));
  EXPECT_THAT(text,
              HasSubstr("\r\ngroup,\"a \"\"b\"\", c\",2026-01-01,2026-01-31,24800,20667,4133,0,"));
  EXPECT_THAT(text, HasSubstr("\r\ngroup,'=cmd(),"));  // a spreadsheet would run it
  // 246 + 297.6 s are 0.151 h.
  EXPECT_THAT(
      text,
      HasSubstr(
          "\r\ntotal,,2026-01-01,2026-01-31,45300,37750,7550,0,2,22650,0.151000,0,0,0,100.00\r\n"));
}

TEST(Report, ARunOnSeveralTypesOfGpuCountsWithEach) {
  ReportInput input = two_runs();
  input.by = GroupBy::gpu_type;
  input.days.push_back(row(3, "mnist", "vision", run_of_4_minutes()));
  input.days.back().key.gpu_type = "A100";
  input.runs[1].gpu_type = "A100";
  input.runs[1].other_gpu_types = {"T4"};
  for (const Group& group : make_report(input, Time(day(31))).groups)
    EXPECT_EQ(group.runs, group.key == "T4" ? 2 : 1) << group.key;
}

TEST(Report, IdleGpusAreTheNodesAndInNoTotal) {
  constexpr std::int64_t hour = std::int64_t{1'000'000} * 3'600'000;
  auto input = two_runs();
  const auto without = make_report(input, afterwards);
  EXPECT_FALSE(nlohmann::json::parse(to_json(without).dump()).contains("idle"));
  // A node that nobody used on a day, one of which 3 of 8 GPU hours were taken, and what ran on one that nobody knows.
  input.idle.add({day(3), "n1", "A100", 350'000, 1'000'000}, {24 * hour, 0, 0});
  input.idle.add({day(3), "n2", "T4", 150'000, 300'000}, {8 * hour, 3 * hour, 0});
  input.idle.add({day(4), "", "T4", 150'000, 1'000'000}, {0, 0, 2 * hour});
  const auto report = make_report(input, afterwards);
  EXPECT_EQ(report.total.spent.total_microusd, without.total.spent.total_microusd);
  const auto idle = to_json(report)["idle"];
  EXPECT_EQ(idle["capacity_microusd"], 8'400'000 + 360'000);
  EXPECT_EQ(idle["taken_microusd"], 135'000 + 300'000);
  EXPECT_EQ(idle["idle_microusd"], 8'400'000 + 225'000);
  EXPECT_EQ(idle["unreconciled_microusd"], 300'000);
  ASSERT_EQ(idle["nodes"].size(), 3U);
  EXPECT_EQ(idle["nodes"][0]["node"], "n1");
  EXPECT_EQ(idle["nodes"][0]["idle_gpu_hours"], 24.0);
  EXPECT_EQ(idle["gpu_types"][1]["gpu_type"], "T4");
  EXPECT_EQ(idle["gpu_types"][1]["idle_microusd"], 225'000);
  const auto csv = to_csv(report);
  EXPECT_THAT(csv, HasSubstr("idle,A100,2026-01-01,2026-01-31,8400000,8400000,0,0,,,24.000000"));
  EXPECT_THAT(csv, HasSubstr("unreconciled,T4,2026-01-01,2026-01-31,300000,300000,0,0,,,2.000000"));
  EXPECT_LT(csv.find("\ntotal,"), csv.find("\nidle,"));
}

TEST(Report, OfVeryManyNodesTheMostIdleAreListedAndAllAreInTheTotal) {
  constexpr std::int64_t hour = std::int64_t{1'000'000} * 3'600'000;
  IdleSums sums;
  for (int i = 0; i < 300; ++i)
    sums.add({day(3), "n" + std::to_string(i), "A100", 350'000, 1'000'000}, {i * hour, 0, 0});
  const auto report = idle_report(sums);
  ASSERT_EQ(report.nodes.size(), most_idle_nodes);
  EXPECT_EQ(report.nodes.front().first, "n299");
  EXPECT_EQ(report.total.idle_microusd, std::int64_t{350'000} * 300 * 299 / 2);
}

}  // namespace
}  // namespace oppen::cost
