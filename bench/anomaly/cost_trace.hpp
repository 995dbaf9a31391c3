#pragma once
// The costs of a cluster as a trace of real jobs makes them: who held what, from when to when, at the default prices. Plain values and pure
// functions, any thread.
//
// What the traces don't say is drawn: of the pods of openb_pod_list.csv those that ask for the same are of one model type; each model type
// belongs to one of six teams, its project and its namespace, and runs on one type of GPU. helios_vc.csv tells how many jobs of 8 GPUs and
// more, of fewer, and of none ran in each minute: three teams. Nothing runs at half price between 22:00 and 06:00 but what did.
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "schemas/error.hpp"
#include "workers/anomaly/spend/series.hpp"
#include "workers/anomaly/spend/spending.hpp"

namespace oppen::bench {

// A part of a job's time on its resources.
struct CostPart {
  std::size_t kind = 0;               // of CostTrace::kinds
  std::int64_t begins = 0, ends = 0;  // seconds since 1970
  double usd_hour = 0;                // without the hour's multiplier
  double units = 1;
  bool is_start = false;  // of its job
};

struct CostTrace {
  std::string name;
  std::vector<anomaly::SpentOn> kinds;
  std::vector<CostPart> parts;           // by `begins`
  std::int64_t first_day = 0, days = 0;  // since 1970
};

// In [0, 1), the same everywhere.
double draw(std::mt19937_64& random);
// Of [0, count).
std::size_t pick(std::mt19937_64& random, std::size_t count);
// The off-peak window of the default prices.
double time_multiplier(anomaly::Slot slot);
double gpu_usd_hour(const std::string& gpu_type);

struct MinuteOfJobs {
  struct Size {
    double jobs = 0, gpus = 0;
  } large, small, none;  // 8 GPUs and more, fewer, none
};

// Minutes from the first day on; one that the file leaves out is as the one before it.
Result<std::vector<MinuteOfJobs>> read_minutes(const std::string& path);

// Another cluster for each seed: two thirds of the pods of the last 34 days, which the trace has whole; other teams.
Result<CostTrace> pods_cost(const std::string& path, std::mt19937_64& random);
// Of each size of jobs between 60 and 140 %.
CostTrace minutes_cost(const std::vector<MinuteOfJobs>& minutes, std::mt19937_64& random);

}  // namespace oppen::bench
