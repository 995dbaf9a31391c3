#pragma once
// How long runs take, learned from those that succeeded. Pure apart from what it has learned; one thread
// at a time.
//
// What is learned is the logarithm of the normalised seconds per epoch, seconds x batch size / 64 /
// epochs, taken as normally distributed. It is counted in four cells: of the model type, of it on this
// GPU type, and of these exact epochs and batch size with and without the GPU type. An estimate goes down
// from the model catalogue's prior to the exact cell; at each level what the level above says weighs as
// much as two runs, so that an empty cell passes it on and a full one outweighs it. Centre and variance
// are those of the normal-inverse-chi-squared model (A. Gelman et al., Bayesian Data Analysis, 3rd
// edition, section 3.3):
//
//   centre   = (w c + n m) / (w + n)
//   variance = (w v + S + w n / (w + n) (m - c)^2) / (w + n)
//
// with c, v from the level above, w its weight, and n, m, S the cell's runs, their mean and their sum of
// squared deviations. A cell weighs at most 64 runs: older ones fade, so that a changed program is
// followed. The catalogue is taken to be right within a factor of 1.6 (v = 0.5^2) with the weight of one
// run; for a model type that it lacks, a minute an epoch within a factor of 7 (v = 2^2).
//
// A job whose owner gives it a max_runtime_seconds (`own_limit`; the default says nothing) is estimated by that, too: in a fifth cell the
// logarithm of seconds / max_runtime_seconds is learned for each model type, in the same way, from a half
// within a factor of 2.7 (v = 1). Whichever of the two leaves less uncertainty is taken: owners know what
// a job will do where its parameters don't say so. Source: D. Tsafrir, Y. Etsion, D. Feitelson,
// "Backfilling Using System-Generated Predictions Rather than User Runtime Estimates", IEEE TPDS 18(6), 2007.
//
// What an attempt holds its room for beside its run is one cell for all, learned in the same way from a second within a factor of 2.7.
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "scheduler/plan/log_normal.hpp"
#include "scheduler/plan/policy.hpp"
#include "schemas/job.hpp"

namespace oppen::plan {

// A log-normal duration, cut at the run time that is enforced.
struct Estimate {
  double p50_seconds = 0;
  double p90_seconds = 0;  // of one run, doubt included
  double spread = 0;       // standard deviation of ln(seconds): of a run around the centre
  double doubt = 0;        // of the centre: it errs alike for all jobs of its kind
};

class Durations {
 public:
  static constexpr std::size_t most_cells =
      4096;  // the one longest without a run is forgotten first

  struct Change {
    std::string key;
    std::string text;  // "": the cell is forgotten
  };

  // A run that succeeded, on `gpu_type` ("": not known). Returns what is to be stored, at most ten
  // cells of some 100 bytes. Nothing is learned from a time that is not above zero.
  std::vector<Change> observe(const JobSpec& resolved, bool own_limit, const std::string& gpu_type,
                              double seconds);

  // What the attempt of a run that succeeded took beside it: launching its pod, images, noticing the end. Below 0.1 s counts as that: it is
  // the difference of times in whole seconds. Nothing is learned from what is not finite.
  std::vector<Change> observe_overhead(double seconds);

  // None (p50 0) while nothing was observed.
  LogNormal overhead() const;

  // The GPU type is the one that the spec asks for, if any.
  Estimate estimate(const JobSpec& resolved, bool own_limit, const Policy& policy) const;

  // Takes back a cell that observe gave out. False: not such a text; nothing is changed.
  bool load(const std::string& key, std::string_view text);

  std::size_t size() const { return cells_.size(); }

 private:
  struct Cell {
    double runs = 0;
    double mean = 0;
    double squares = 0;     // sum of squared deviations from the mean
    std::int64_t last = 0;  // number of the last run that is in it

    void add(double value);
  };
  struct Belief;

  Belief belief_by_work(const JobSpec& resolved, const Policy& policy) const;
  Belief belief_by_limit(const JobSpec& resolved) const;
  Change add_to(std::string key, double value);
  void learn(Belief& belief, const std::string& key) const;
  void forget_oldest(std::vector<Change>& changes);

  std::unordered_map<std::string, Cell> cells_;
  std::int64_t runs_ = 0;
};

}  // namespace oppen::plan
