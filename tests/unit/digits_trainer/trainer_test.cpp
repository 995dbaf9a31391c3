// Proves that the trainer learns, that the seed decides the run, and each way in which a run ends.
#include "deploy/images/digits-trainer/trainer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace oppen::digits_trainer {
namespace {

const Split& digits() {
  static const Split data = [] {
    std::string error;
    return split(parse_digits(embedded_digits(), error));
  }();
  return data;
}

Settings small() {
  Settings settings;
  settings.hidden = 48;  // enough to learn, and quick without optimisation
  return settings;
}

Outcome run(const Settings& settings) {
  const std::atomic<bool> never = false;
  return train(digits(), settings, never, [](const Epoch&) {});
}

TEST(Trainer, LearnsToReadDigits) {
  const Outcome outcome = run(small());
  EXPECT_EQ(outcome.end, End::finished);
  ASSERT_EQ(outcome.epochs.size(), 10u);
  EXPECT_GT(outcome.epochs.back().accuracy, 0.93);
  EXPECT_LT(outcome.epochs.back().loss, outcome.epochs.front().loss / 4);
  EXPECT_EQ(outcome.samples, 10 * digits().train.size());
  EXPECT_GT(outcome.seconds, 0);
}

TEST(Trainer, LearnsInEveryPrecision) {
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    Settings settings = small();
    settings.precision = precision;
    EXPECT_GT(run(settings).epochs.back().accuracy, 0.93);
  }
}

TEST(Trainer, AnswersRequestsWithWhatItHasLearned) {
  Settings settings = small();
  settings.requests = digits().test.size();  // each test sample once
  const Outcome outcome = run(settings);
  EXPECT_EQ(outcome.end, End::finished);
  ASSERT_EQ(outcome.served.latencies.size(), settings.requests);
  EXPECT_EQ(static_cast<double>(outcome.served.right) / static_cast<double>(settings.requests),
            outcome.epochs.back().accuracy);
}

TEST(Trainer, TheSeedDecidesTheRun) {
  Settings settings = small();
  settings.epochs = 2;
  const Outcome first = run(settings), again = run(settings);
  settings.seed = 2;
  const Outcome other = run(settings);
  ASSERT_EQ(first.epochs.size(), again.epochs.size());
  for (std::size_t i = 0; i < first.epochs.size(); ++i) {
    EXPECT_EQ(first.epochs[i].loss, again.epochs[i].loss);
    EXPECT_EQ(first.epochs[i].accuracy, again.epochs[i].accuracy);
  }
  EXPECT_NE(first.epochs[0].loss, other.epochs[0].loss);
}

TEST(Trainer, BatchLargerThanTheDataIsOneStep) {
  Settings settings = small();
  settings.epochs = 1;
  settings.batch_size = 65'536;
  EXPECT_EQ(run(settings).samples, digits().train.size());
}

TEST(Trainer, PatienceEndsARunThatNoLongerImproves) {
  Settings settings = small();
  settings.learning_rate = 1e-9;  // learns nothing: no epoch is better than the first
  settings.patience = 2;
  const Outcome outcome = run(settings);
  EXPECT_EQ(outcome.end, End::early);
  EXPECT_EQ(outcome.epochs.size(), 3u);
}

TEST(Trainer, StopsInTheMiddleAndKeepsTheCompletedEpochs) {
  std::atomic<bool> stop = false;
  const Outcome outcome = train(digits(), small(), stop, [&](const Epoch&) { stop = true; });
  EXPECT_EQ(outcome.end, End::stopped);
  EXPECT_EQ(outcome.epochs.size(), 1u);
  EXPECT_EQ(outcome.samples, digits().train.size());
}

}  // namespace
}  // namespace oppen::digits_trainer
