#pragma once
// Reads what the cost worker has written down: the owner's library, for the console. scripts/lib.lua of workers/cost/store lists the
// keys. One thread. Errors of all: of Redis; fatal for what is broken in it.
#include <string>
#include <vector>

#include "schemas/error.hpp"
#include "workers/cost/books/kept_days.hpp"
#include "workers/cost/books/records.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::cost {

// Empty fields match everything.
struct RunFilter {
  std::string team;
  std::string project;
  std::string model_type;
  std::string state{};
};

// Of so many it is looked at whether they match.
inline constexpr std::size_t most_examined_runs = 20'000;

struct RunList {
  std::vector<RunRecord> runs;  // without their epoch_seconds
  bool all = true;              // false: there may be more
};

class Books {
 public:
  // `redis` must outlive this, and so must `kept`, where days are kept and found; nullptr: all are read.
  Books(runtime::Redis& redis, const std::string& topic_prefix, KeptDays* kept = nullptr);

  // Every row of the days from `from` on, before `to`. At most 400 days; more is invalid.
  Result<std::vector<DayRow>> days(std::chrono::sys_days from, std::chrono::sys_days to);
  // By job id, else run id, else the one of that name that began last.
  Result<std::optional<RunRecord>> run(const std::string& id_or_name);
  // By job id alone; of a run from outside, by its run_key.
  Result<std::optional<RunRecord>> job(const std::string& job_id);
  // Those of these that there are, without their epoch_seconds.
  Result<std::vector<RunRecord>> jobs(const std::vector<std::string>& job_ids);
  // Runs that were at work within [from, to), the latest first: by the last day in it on which they were charged, then by their
  // begin. At most `limit`, of most_examined_runs and at most 400 days; more days are invalid. What was at work over 90 days ago is not found
  // any more.
  Result<RunList> runs(Time from, Time to, const RunFilter& filter, std::size_t limit);
  // Whether more than `most` of them began on whole days of [from, to), told without reading one. false: that is not sure.
  Result<bool> surely_more_runs(Time from, Time to, std::size_t most);
  // How many were charged for that day.
  Result<std::size_t> runs_on(std::chrono::sys_days day);
  // The latest finished runs of a model type, the latest first, at most `limit`; the last 1,000 of each are kept.
  Result<std::vector<RunRecord>> history(const std::string& model_type, std::size_t limit);
  // The accuracy that each epoch of its last attempt told, the latest 1,000: of an epoch that told none there is none.
  Result<std::vector<double>> accuracies(const RunRecord& run);
  // What came of recommendations for this model type.
  Result<TrackRecords> track_records(const std::string& model_type);

 private:
  // Which changes when anything of the day does; "": not known.
  Result<std::vector<std::string>> versions(std::chrono::sys_days from, std::chrono::sys_days to);

  runtime::Redis& redis_;
  std::string prefix_;
  KeptDays* kept_;
};

}  // namespace oppen::cost
