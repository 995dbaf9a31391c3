// Durations: without runs the catalogue's word holds; with runs the estimate comes as near as their scatter allows, for parameters that
// were seen and, scaled, for those that were not; p90 covers nine of ten; and what is learned survives being stored.
#include "scheduler/plan/durations.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

namespace oppen::plan {
namespace {

constexpr unsigned seed = 20260105;

Policy catalogue(double seconds_per_epoch) {
  Policy policy;
  policy.model_catalog["resnet"].seconds_per_epoch = seconds_per_epoch;
  policy.default_max_runtime_seconds = 1'000'000;
  return policy;
}

// One that leaves its run time to the default, so that its parameters alone say how long it takes.
JobSpec job(int epochs, int batch_size, std::string gpu_type = "") {
  JobSpec spec;
  spec.job_id = "j";
  spec.model_type = "resnet";
  spec.epochs = epochs;
  spec.batch_size = batch_size;
  spec.resources.gpu_type = std::move(gpu_type);
  return spec;
}

// Whoever gives a job a limit says so.
std::vector<Durations::Change> observe(Durations& durations, const JobSpec& spec,
                                       const std::string& gpu_type, double seconds) {
  return durations.observe(spec, spec.max_runtime_seconds.has_value(), gpu_type, seconds);
}
Estimate estimate_of(const Durations& durations, const JobSpec& spec, const Policy& policy) {
  return durations.estimate(spec, spec.max_runtime_seconds.has_value(), policy);
}

class Draws {
 public:
  double operator()(double median, double spread) {
    return median * std::exp(spread * normal_(random_));
  }

 private:
  std::mt19937 random_{seed};
  std::normal_distribution<double> normal_;
};

TEST(Durations, BeginWithTheCatalogue) {
  const auto policy = catalogue(30);
  const auto estimate = estimate_of(Durations(), job(10, 32), policy);
  EXPECT_DOUBLE_EQ(estimate.p50_seconds, 10 * 30 * 64 / 32);
  EXPECT_GT(estimate.p90_seconds, 2 * estimate.p50_seconds);
  EXPECT_LT(estimate.p90_seconds, 3 * estimate.p50_seconds);

  auto stranger = job(2, 64);
  stranger.model_type = "unheard-of";
  const auto guess = estimate_of(Durations(), stranger, policy);
  EXPECT_DOUBLE_EQ(guess.p50_seconds, 120);
  EXPECT_GT(guess.p90_seconds, 20 * guess.p50_seconds) << "nobody has said what it does";
}

TEST(Durations, NeverExceedTheEnforcedRunTime) {
  auto spec = job(100, 64);
  spec.max_runtime_seconds = 50;
  const auto estimate = estimate_of(Durations(), spec, catalogue(30));
  EXPECT_EQ(estimate.p50_seconds, 50);
  EXPECT_EQ(estimate.p90_seconds, 50);
}

TEST(Durations, FollowTheLimitOfTheOwnerWhereItSaysMore) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Draws draw;
  Durations durations;
  const auto policy = catalogue(60);
  auto limited = job(1, 64);
  // The same parameters run for a minute or a day, and the owners know which.
  for (int i = 0; i < 40; ++i) {
    const double seconds = draw(3000, 2);
    limited.max_runtime_seconds = std::llround(3 * draw(seconds, 0.2));
    observe(durations, limited, "T4", seconds);
  }
  for (const int limit : {300, 30'000}) {
    limited.max_runtime_seconds = limit;
    const auto estimate = estimate_of(durations, limited, policy);
    EXPECT_NEAR(estimate.p50_seconds, limit / 3.0, limit / 20.0);
    EXPECT_LT(estimate.spread, 0.5);
  }
  EXPECT_GT(estimate_of(durations, job(1, 64), policy).spread, 1.5)
      << "that has no limit of its own";

  // Where the parameters say more, they count: all take some 100 s, whatever the owners allow.
  for (int i = 0; i < 40; ++i) {
    limited.epochs = 7;
    limited.max_runtime_seconds = std::llround(draw(5000, 1));
    observe(durations, limited, "T4", draw(100, 0.1));
  }
  limited.max_runtime_seconds = 50'000;
  EXPECT_NEAR(estimate_of(durations, limited, policy).p50_seconds, 100, 20);
}

TEST(Durations, LearnNothingOfLimitsThatNobodyHasSet) {
  Durations durations;
  for (int i = 0; i < 10; ++i) observe(durations, job(1, 64), "", 100);
  auto stranger = job(1, 64);
  stranger.model_type = "unheard-of";
  stranger.max_runtime_seconds = 3600;
  EXPECT_NEAR(estimate_of(durations, stranger, catalogue(60)).p50_seconds, 1800, 0.001);

  // A default that is filled in is nobody's word, whatever it is.
  auto filled_in = job(1, 64);
  filled_in.max_runtime_seconds = 7200;
  for (int i = 0; i < 10; ++i) durations.observe(filled_in, false, "", 100);
  auto limited = job(1, 64);
  limited.max_runtime_seconds = 3600;
  EXPECT_NEAR(estimate_of(durations, limited, catalogue(60)).p50_seconds, 100, 10);
}

TEST(Durations, LearnTheMedianAndTheSpread) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Draws draw;
  Durations durations;
  // The catalogue errs by a factor of ten.
  const auto policy = catalogue(6);
  for (int i = 0; i < 60; ++i) observe(durations, job(5, 64), "T4", draw(300, 0.3));
  for (const auto& spec : {job(5, 64), job(5, 64, "T4")}) {
    const auto estimate = estimate_of(durations, spec, policy);
    EXPECT_NEAR(estimate.p50_seconds, 300, 30);
    EXPECT_NEAR(estimate.spread, 0.3, 0.1);
    EXPECT_LT(estimate.doubt, 0.06);
    int covered = 0;
    for (int i = 0; i < 2000; ++i) covered += draw(300, 0.3) <= estimate.p90_seconds ? 1 : 0;
    EXPECT_GT(covered, 2000 * 0.85);
    EXPECT_LT(covered, 2000 * 0.97);
  }
}

TEST(Durations, AFewRunsAreWorthMoreThanTheCatalogue) {
  Durations durations;
  const auto policy = catalogue(6);
  for (int i = 0; i < 5; ++i) observe(durations, job(5, 64), "T4", 300);
  const auto estimate = estimate_of(durations, job(5, 64), policy);
  EXPECT_GT(estimate.p50_seconds, 200);
  EXPECT_LT(estimate.p50_seconds, 310);
  EXPECT_GT(estimate.p90_seconds, 300);
}

TEST(Durations, ScaleToEpochsAndBatchSizesThatNeverRan) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Draws draw;
  Durations durations;
  for (int i = 0; i < 30; ++i) {
    observe(durations, job(5, 64), "T4", draw(300, 0.2));
    observe(durations, job(2, 128), "T4", draw(60, 0.2));
  }
  EXPECT_NEAR(estimate_of(durations, job(40, 32), catalogue(6)).p50_seconds, 4800, 480);
}

TEST(Durations, GpuTypesDiffer) {
  Durations durations;
  for (int i = 0; i < 40; ++i) {
    observe(durations, job(1, 64), "T4", 400);
    observe(durations, job(1, 64), "A100", 100);
  }
  const auto policy = catalogue(200);
  EXPECT_NEAR(estimate_of(durations, job(1, 64, "T4"), policy).p50_seconds, 400, 40);
  EXPECT_NEAR(estimate_of(durations, job(1, 64, "A100"), policy).p50_seconds, 100, 10);
  // Whoever does not care may get either: the spread says so.
  const auto any = estimate_of(durations, job(1, 64), policy);
  EXPECT_GT(any.p90_seconds, 400);
  // Never seen: from all runs of the model type, as widely.
  const auto unseen = estimate_of(durations, job(1, 64, "V100"), policy);
  EXPECT_GT(unseen.p50_seconds, 100);
  EXPECT_LT(unseen.p50_seconds, 400);
  EXPECT_GT(unseen.p90_seconds, 400);
}

TEST(Durations, FollowAProgramThatChanged) {
  Durations durations;
  for (int i = 0; i < 1000; ++i) observe(durations, job(1, 64), "", 100);
  for (int i = 0; i < 200; ++i) observe(durations, job(1, 64), "", 25);
  EXPECT_NEAR(estimate_of(durations, job(1, 64), catalogue(100)).p50_seconds, 25, 5);
}

TEST(Durations, SurviveBeingStored) {
  Draws draw;
  Durations durations;
  std::map<std::string, std::string> stored;
  for (int i = 0; i < 2000; ++i) {
    for (const auto& change : observe(durations, job(1 + i, 64), "T4", draw(300, 0.3))) {
      EXPECT_LT(change.text.size(), 100U);
      if (change.text.empty()) {
        stored.erase(change.key);
      } else {
        stored[change.key] = change.text;
      }
    }
  }
  // Bounded, and the store has exactly what is in memory.
  for (int i = 2000; i < 4000; ++i) {
    for (const auto& change : observe(durations, job(1 + i, 64), "T4", draw(300, 0.3)))
      change.text.empty() ? void(stored.erase(change.key)) : void(stored[change.key] = change.text);
  }
  EXPECT_EQ(durations.size(), Durations::most_cells);
  ASSERT_EQ(stored.size(), Durations::most_cells);

  Durations again;
  for (const auto& [key, text] : stored) ASSERT_TRUE(again.load(key, text));
  for (const auto& spec : {job(1, 64), job(4000, 64, "T4"), job(7, 32, "A100")}) {
    const auto before = estimate_of(durations, spec, catalogue(6));
    const auto after = estimate_of(again, spec, catalogue(6));
    EXPECT_NEAR(after.p50_seconds, before.p50_seconds, 1e-6 * before.p50_seconds);
    EXPECT_NEAR(after.p90_seconds, before.p90_seconds, 1e-6 * before.p90_seconds);
  }
  // The general cells have outlived those of single parameters, before and after.
  EXPECT_EQ(observe(again, job(1, 64), "T4", 1).front().text.substr(0, 3), "64 ");
}

TEST(Durations, RefuseWhatIsNoDuration) {
  Durations durations;
  for (const double seconds : {0.0, -1.0, std::nan(""), HUGE_VAL})
    EXPECT_TRUE(observe(durations, job(1, 64), "", seconds).empty());
  for (const char* text :
       {"", "x", "1 2", "1 2 3 4 5", "0 1 1 1", "65 1 1 1", "1 nan 1 1", "1 1 -1 1"})
    EXPECT_FALSE(durations.load("resnet", text)) << text;
  EXPECT_FALSE(durations.load("", "1 1 1 1"));
  EXPECT_EQ(durations.size(), 0U);
}

TEST(Durations, OverheadsAreLearnedForAllTogetherAndSurviveBeingStored) {
  Durations durations;
  EXPECT_EQ(durations.overhead().p50_seconds, 0) << "nobody has said that there is any";
  Draws draw;
  Durations restored;
  for (int i = 0; i < 200; ++i) {
    for (const auto& change : durations.observe_overhead(draw(8, 0.4)))
      ASSERT_TRUE(restored.load(change.key, change.text));
  }
  for (const auto& overhead : {durations.overhead(), restored.overhead()}) {
    EXPECT_NEAR(overhead.p50_seconds, 8, 1);
    EXPECT_NEAR(overhead.spread, 0.4, 0.1);
    EXPECT_GT(overhead.doubt, 0);
    EXPECT_LT(overhead.doubt, 0.1);
  }
  EXPECT_NEAR(estimate_of(durations, job(1, 64), catalogue(60)).p50_seconds, 60, 1e-6)
      << "what they are is not part of a run";
}

TEST(Durations, AnOverheadOfNothingIsAsShortAsCanBeTold) {
  Durations durations;
  EXPECT_TRUE(durations.observe_overhead(std::nan("")).empty());
  for (int i = 0; i < 64; ++i) durations.observe_overhead(i % 2 == 0 ? 0 : -0.4);
  EXPECT_NEAR(durations.overhead().p50_seconds, 0.1, 0.02);
}

}  // namespace
}  // namespace oppen::plan
