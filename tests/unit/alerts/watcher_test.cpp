// All rules over a day of happenings: the same log gives the same alerts, wherever it was interrupted.
#include "workers/anomaly/worker/watcher.hpp"

#include <algorithm>

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
    while (watcher_->next_look() && *watcher_->next_look() <= one.at) {
      if (!is_live && watcher_->is_silent()) {
        watcher_->pass_look();
      } else {
        look();
      }
    }
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
  bool is_live = true;
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

std::vector<std::string> firing(const Watching& run, const std::string& kind) {
  std::vector<std::string> ids;
  for (const auto& id : run.ids) {
    if (id.starts_with(kind + " firing")) ids.push_back(id);
  }
  return ids;
}

TEST(Watcher, WhatIsOfATimeToComeIsCountedAndChangesNothing) {
  Watching run;
  auto sample = sample_of("gpu-1");
  sample.xid = 79;
  sample.sampled_at = *parse_rfc3339("2099-01-01T00:00:00Z");
  run.take({at(0s), "id", *parse_rfc3339("9999-01-01T00:00:00Z"), sample});
  CostAccrued cost;
  cost.job_id = "job";
  cost.interval_start = cost.interval_end = sample.sampled_at;
  run.take({at(0s), "id", at(0s), cost});
  EXPECT_EQ(run.watcher().ahead(), 2);
  auto change = change_of("job", 1, JobChange::What::queued);
  run.take({at(0s), "id", *parse_rfc3339("9999-01-01T00:00:00Z"), change});
  run.take({at(0s), "id", *parse_rfc3339("0001-01-01T00:00:00Z"),
            change_of("other", 1, JobChange::What::queued)});
  for (int i = 0; i < 10; ++i) run.look();
  EXPECT_TRUE(firing(run, "gpu_fault").empty());
  sample.sampled_at = at(10min + Watcher::ahead_bound);
  run.take({at(10min), "id", at(10min), sample});
  run.look();
  EXPECT_EQ(firing(run, "gpu_fault").size(), 1);
}

// Of a node with a job, samples until 30 minutes and from twelve hours on; a job that waits, too.
std::vector<Happening> down_for_hours() {
  std::vector<Happening> all;
  const auto add = [&](Fact fact, Time when) {
    all.push_back({when, "id", when, std::move(fact)});
  };
  auto started = change_of("job", 1, JobChange::What::started);
  started.node = "node-1";
  add(started, at(0s));
  add(change_of("waits", 1, JobChange::What::queued), at(0s));
  add(change_of("once", 1, JobChange::What::launched), at(0s));
  add(change_of("once", 2, JobChange::What::ended), at(25min));
  add(std::monostate(), at(31min));  // the node went first
  for (const auto from : {0min, 720min}) {
    for (auto second = 0s; second < 30min; second += 30s) {
      auto sample = sample_of("gpu-1");
      sample.sampled_at = at(from + second);
      add(sample, sample.sampled_at);
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& one, const auto& other) { return one.at < other.at; });
  return all;
}

TEST(Watcher, WhileAllWasDownNothingIsJudged) {
  for (const bool restarted : {false, true}) {
    Watching run;
    run.is_live = false;
    for (const auto& one : down_for_hours()) {
      if (one.at > at(12h + 15min)) break;
      run.take(one);
      if (restarted) run.restart();
    }
    EXPECT_TRUE(firing(run, "telemetry_stopped").empty());
    EXPECT_TRUE(firing(run, "queue_stalled").empty());
    // It goes on as ever.
    for (int i = 0; i < 6; ++i) run.look();
    EXPECT_EQ(firing(run, "telemetry_stopped").size(), 1);
    EXPECT_EQ(firing(run, "queue_stalled").size(), 1);
  }
}

TEST(Watcher, WhileNothingComesWhatIsOfNowIsJudged) {
  Watching run;
  for (const auto& one : down_for_hours()) run.take(one);
  EXPECT_EQ(firing(run, "telemetry_stopped").size(), 1);
}

}  // namespace
}  // namespace oppen::anomaly
