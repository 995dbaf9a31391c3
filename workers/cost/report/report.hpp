#pragma once
// What runs have cost in some days, by whatever it is asked by. Pure; any thread.
//
// The amounts are those of the cost worker's day rows, so the groups add up to the total, and the total to what was charged,
// exactly. By run they are those of the run records, which tell what a run has cost in all: a group of its own (`rest`) holds the
// difference to the days', of runs that were also at work outside of them, or are not listed.
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/units.hpp"
#include "workers/cost/books/records.hpp"
#include "workers/cost/idle/idle_rows.hpp"
#include "workers/cost/report/range.hpp"

namespace oppen::cost {

enum class GroupBy { run, model, workload, team, project, gpu_type, pod_namespace, day };
std::string_view to_string(
    GroupBy by);  // "run", "model", "workload", "team", "project", "gpu-type", "namespace", "day"
inline constexpr GroupBy all_groupings[] = {
    GroupBy::run,     GroupBy::model,    GroupBy::workload,      GroupBy::team,
    GroupBy::project, GroupBy::gpu_type, GroupBy::pod_namespace, GroupBy::day};

// Empty fields match everything.
struct ReportFilter {
  std::string team{};
  std::string project{};
  std::string model_type{};
  bool empty() const { return team.empty() && project.empty() && model_type.empty(); }
  bool matches(const DayKey& key) const;
};

struct Group {
  std::string key;  // what it is grouped by; "" where a run names none
  bool rest = false;
  Spent spent;
  std::optional<std::int64_t>
      runs;  // that were at work in the days; not known by namespace, or where there are too many
  std::optional<RunRecord> run;  // by run

  std::optional<MicroUsd> average() const;  // per run, rounded
};

// GPUs that nobody took; see IdleSum.
struct IdleReport {
  using Sums = std::vector<std::pair<std::string, IdleSum>>;  // the most idle first
  IdleSum total;
  Sums gpu_types;
  Sums nodes;  // the most idle ones, at most most_idle_nodes
};
inline constexpr std::size_t most_idle_nodes = 100;
IdleReport idle_report(const IdleSums& sums);

struct Report {
  DayRange range;
  GroupBy by = GroupBy::model;
  ReportFilter filter;
  Time as_of{};
  bool ongoing = false;       // the days are not over
  std::vector<Group> groups;  // the dearest first, the rest last; days in their order
  std::size_t left_out = 0;   // groups that are not among these
  Group total;
  std::optional<double> mean_run_seconds;  // of the runs, as long as they have run
  DayRange earlier;
  std::optional<std::int64_t> earlier_microusd;
  std::optional<std::chrono::sys_days> kept_from;  // where the range begins before what is kept
  std::optional<IdleReport>
      idle;  // of the range; none where it is not asked for, or no node is known
};

struct ReportInput {
  DayRange range;
  GroupBy by = GroupBy::model;
  ReportFilter filter;
  std::vector<DayRow> days;     // of the range; what the filter lets out is skipped
  std::vector<DayRow> earlier;  // of range.before()
  bool earlier_kept = true;
  std::optional<std::chrono::sys_days> kept_from;  // of days; where the range begins before that
  std::vector<RunRecord> runs;                     // at work in the range, filtered
  bool all_runs = true;                            // there are no more than those
  IdleSums idle;                                   // of the range; nobody's, so none with a filter
};
Report make_report(const ReportInput& input, Time now);
// Keeps so many of its groups, the first, and the rest.
void keep_first(Report& report, std::size_t groups);

// What a Spent says of how well its GPUs were used.
struct Use {
  std::int64_t wasted_microusd = 0;  // of the measured part, what did not work
  std::optional<double>
      measured_percent;  // of the cost of GPUs, how much was measured; none: no GPU
  std::optional<double> effective_percent;  // of the measured part
};
Use use_of(const Spent& spent);

// Members gpu_microusd, cpu_microusd, ..., gpu_hours, and of what was measured.
nlohmann::json to_json(const Spent& spent);
// Without its cost.
nlohmann::json to_json(const RunRecord& run);
nlohmann::json to_json(const DayRow& row);
nlohmann::json to_json(const Report& report);
// The groups as CSV (RFC 4180) with a header, then the total, and behind it, in no total, what was idle by type of GPU.
std::string to_csv(const Report& report);

}  // namespace oppen::cost
