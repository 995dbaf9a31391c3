#pragma once
// The two ConfigMaps as policies in force: a good change is published as policy.changed and applies
// at once; a bad one is refused with a log line, and the last good one stays. What is in force is
// stored in Redis, so that it outlives the ConfigMaps. Core's thread.
#include <map>
#include <optional>
#include <string>

#include "scheduler/core/state.hpp"

namespace oppen::core {

class Policies {
 public:
  static constexpr const char* scheduling_policies = "scheduling-policies";
  static constexpr const char* cost_model = "cost-model";

  explicit Policies(State& state);

  // What an earlier leader had in force. Errors: of the store.
  Status load();
  // The API server shows this ConfigMap; nullopt: there is none, and the last good one stays.
  // Errors: of the store.
  Status on_config_map(const std::string& name,
                       const std::optional<std::map<std::string, std::string>>& data);
  // Whether both ConfigMaps have been looked at: before that nothing is decided.
  bool complete() const { return seen_[0] && seen_[1]; }

 private:
  using ConfigMap = std::map<std::string, std::string>;
  // false: refused.
  bool apply_scheduling(const ConfigMap& data);
  bool apply_cost(const ConfigMap& data);
  Status publish_when_complete();

  State& state_;
  ConfigMap in_force_[2];
  bool seen_[2] = {};
  bool loaded_ = false;   // an earlier leader has published one
  bool changed_ = false;  // since what was published last
  runtime::Counter& refused_;
};

}  // namespace oppen::core
