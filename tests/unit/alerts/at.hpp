#pragma once
// Times and happenings for tests of rules and episodes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "workers/anomaly/rules/rules.hpp"

namespace oppen::anomaly {

using namespace std::chrono_literals;

inline Time at(std::chrono::milliseconds after) {
  return *parse_rfc3339("2026-01-10T12:00:00Z") + after;
}

inline GpuSample sample_of(const std::string& uuid, double use = 50) {
  GpuSample sample;
  sample.node = "node-1";
  sample.gpu_uuid = uuid;
  sample.gpu_type = "A100";
  sample.interval_seconds = 10;
  sample.utilization_percent = use;
  sample.temperature_celsius = 60;
  return sample;
}

inline JobChange change_of(const std::string& job_id, std::int64_t seq, JobChange::What what) {
  JobChange change;
  change.what = what;
  change.job.job_id = job_id;
  change.job.seq = seq;
  change.job.model_type = "mnist";
  change.job.team = "vision";
  change.job.resources.gpus = 1;
  change.job.state = what == JobChange::What::ended ? JobState::succeeded : JobState::queued;
  change.pod = job_id + "-1";
  change.pod_namespace = "ml";
  return change;
}

// A rule, and the scene that it is told of.
class Told {
 public:
  explicit Told(std::unique_ptr<Rule> rule) : rule_(std::move(rule)) {}

  void tell(Fact fact, Time when) {
    if (auto* sample = std::get_if<Sampled>(&fact); sample != nullptr) sample->sampled_at = when;
    const Happening one{when, "id", when, std::move(fact)};
    if (scene_.take(one)) rule_->take(one, scene_);
  }
  std::vector<Finding> look(Time when) {
    std::vector<Finding> found;
    rule_->look(when, scene_, found);
    return found;
  }
  // The one of this kind; nullopt: the rule says nothing of it.
  std::optional<Finding> look(Time when, const std::string& kind) {
    for (auto& finding : look(when)) {
      if (finding.kind == kind) return finding;
    }
    return std::nullopt;
  }
  bool holds(Time when, const std::string& kind) {
    const auto found = look(when, kind);
    return found && found->holds;
  }

  // As after a restart.
  void restart(std::unique_ptr<Rule> fresh) {
    std::vector<Cell> cells;
    scene_.take_changes(cells);
    rule_->take_changes(cells);
    scene_ = {};
    rule_ = std::move(fresh);
    for (const auto& cell : cells) {
      const auto& own = rule_->hashes();
      const bool is_own = std::find(own.begin(), own.end(), cell.hash) != own.end();
      if (cell.value.empty()) continue;
      ASSERT_TRUE(is_own ? rule_->load(cell.hash, cell.field, cell.value)
                         : scene_.load(cell.hash, cell.field, cell.value))
          << cell.hash << " " << cell.field << " " << cell.value;
    }
  }

 private:
  Scene scene_;
  std::unique_ptr<Rule> rule_;
};

}  // namespace oppen::anomaly
