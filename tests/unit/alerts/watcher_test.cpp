// All rules over a day of happenings: the same log gives the same alerts, wherever it was interrupted.
#include "workers/anomaly/worker/watcher.hpp"

#include "tests/unit/alerts/at.hpp"

namespace oppen::anomaly {
namespace {

std::vector<Happening> a_day() {
  std::vector<Happening> all;
  const auto add = [&](Fact fact, Time when) {
    all.push_back({when, "id", when, std::move(fact)});
  };
  add(change_of("job", 1, JobChange::What::queued), at(0s));
  for (auto second = 0s; second < 4h; second += 30s) {
    auto sample = sample_of("gpu-1", second < 2h ? 10 : 70);
    sample.sampled_at = at(second);
    sample.pod = "job-1";
    sample.pod_namespace = "ml";
    sample.job_id = "job";
    if (second == 1h) sample.xid = 13;
    add(sample, at(second));
    if (second == 30min) add(change_of("job", 2, JobChange::What::launched), at(second));
    if (second >= 1h && second < 1h + 5min) {
      auto failed = change_of("f" + std::to_string(second.count()), 1, JobChange::What::ended);
      failed.failure = FailureClass::oom;
      add(failed, at(second));
    }
  }
  return all;
}

class Watching {
 public:
  void take(const Happening& one) {
    while (watcher_->next_look() && *watcher_->next_look() <= one.at) look();
    watcher_->take(one);
  }
  void look() {
    for (const auto& said : watcher_->look({}))
      ids.push_back(said.alert.kind + " " + said.alert.state + " " + said.alert.alert_id);
  }
  void restart() {
    std::vector<Cell> cells;
    watcher_->take_changes(cells);
    for (const auto& cell : cells) {
      if (cell.value.empty()) {
        stored_.erase({cell.hash, cell.field});
      } else {
        stored_[{cell.hash, cell.field}] = cell.value;
      }
    }
    watcher_ = std::make_unique<Watcher>(all_rules());
    for (const auto& [where, value] : stored_)
      ASSERT_TRUE(watcher_->load(where.first, where.second, value)) << where.first << " " << value;
  }
  std::vector<std::string> ids;
  Watcher& watcher() { return *watcher_; }

 private:
  std::unique_ptr<Watcher> watcher_ = std::make_unique<Watcher>(all_rules());
  std::map<std::pair<std::string, std::string>, std::string> stored_;
};

TEST(Watcher, TheSameLogGivesTheSameAlertsHoweverOftenItIsTakenOver) {
  const auto day = a_day();
  Watching whole;
  for (const auto& one : day) whole.take(one);
  std::vector<std::string> kinds;
  for (const auto& id : whole.ids) kinds.push_back(id.substr(0, id.rfind(' ')));
  EXPECT_THAT(kinds,
              testing::UnorderedElementsAre(
                  "queue_stalled firing", "queue_stalled resolved", "gpu_underutilized firing",
                  "gpu_underutilized resolved", "gpu_fault firing", "gpu_fault resolved",
                  "failure_burst firing", "failure_burst updated", "failure_burst resolved"));
  Watching interrupted;
  int count = 0;
  for (const auto& one : day) {
    if (++count % 7 == 0) interrupted.restart();
    interrupted.take(one);
  }
  EXPECT_EQ(interrupted.ids, whole.ids);
}

TEST(Watcher, SoItIsWithTheCostOfDays) {
  std::vector<Happening> days;
  const auto charge = [&](const std::string& job, std::chrono::seconds from,
                          std::chrono::seconds length, std::int64_t amount) {
    CostAccrued cost;
    cost.job_id = job;
    cost.attempt = 1;
    cost.model_type = "mnist";
    cost.team = "speech";
    cost.project = "digits";
    cost.gpu_type = "A100";
    cost.pod_namespace = "ml";
    cost.interval_start = at(from);
    cost.interval_end = at(from + length);
    cost.total = cost.gpu = {amount};
    days.push_back(
        {at(from + length), job + "/1/" + std::to_string(from.count()), at(from + length), cost});
  };
  for (auto hour = -14 * 24h; hour < 0h; hour += 1h) charge("always", hour, 1h, 2'000'000);
  for (auto minute = 0min; minute < 60min; minute += 5min)
    charge("spikes", minute, 5min, 5'000'000);
  charge("always", 5h, 1h, 2'000'000);
  Watching whole;
  for (const auto& one : days) whole.take(one);
  EXPECT_THAT(whole.ids, testing::Contains(testing::HasSubstr("cost_spike firing")));
  Watching interrupted;
  int count = 0;
  for (const auto& one : days) {
    if (++count % 3 == 0) interrupted.restart();
    interrupted.take(one);
  }
  EXPECT_EQ(interrupted.ids, whole.ids);
}

TEST(Watcher, WhatComesTooLateIsCounted) {
  Watching run;
  for (const auto& one : a_day()) run.take(one);
  auto late = sample_of("gpu-1");
  late.xid = 79;
  late.sampled_at = at(3h);
  run.take({at(4h), "id", at(4h), late});
  EXPECT_EQ(run.watcher().late(), 1);
  late.sampled_at = at(4h - 5min);
  run.take({at(4h), "id", at(4h), late});
  EXPECT_EQ(run.watcher().late(), 1);
}

}  // namespace
}  // namespace oppen::anomaly
