#pragma once
// The two ConfigMaps, and the overrides of the topic `control` over them, as policies in force: a good change is published as
// policy.changed and applies at once; a bad ConfigMap is refused with a log line, and the last good one stays; a bad override is set
// aside. New pod templates are Kubernetes' to judge first: until it has, what brings them waits, and so do the overrides after it. What is
// in force is stored in Redis, so that it outlives the ConfigMaps. Core's thread.
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "producers/client/kafka.hpp"
#include "scheduler/core/overrides.hpp"
#include "scheduler/core/state.hpp"
#include "scheduler/core/template_check.hpp"

namespace oppen::core {

class Policies {
 public:
  static constexpr const char* scheduling_policies = "scheduling-policies";
  static constexpr const char* cost_model = "cost-model";

  // Puts a record of `control` into the dead letter, and calls `then` on the core's thread once it is there.
  using SetAside = std::function<Status(const client::ConsumedRecord& record,
                                        const std::string& reason, std::function<Status()> then)>;
  // Takes the records of `control` that say nothing of policies, with why one is to be set aside. Errors: of the store.
  using Others = std::function<Result<std::optional<std::string>>(
      const CloudEvent& event, const client::ConsumedRecord& record)>;
  Policies(State& state, SetAside set_aside, TemplateCheck::Post post, Others others);

  // What an earlier leader had in force. Errors: of the store.
  Status load();
  // The API server shows this ConfigMap; nullopt: there is none, and the last good one stays.
  // Errors: of the store.
  Status on_config_map(const std::string& name,
                       const std::optional<std::map<std::string, std::string>>& data);
  // Each record of `control` from next:control on, in order. Errors: of the store, of SetAside.
  Status on_control(client::ConsumedRecord record);
  // Ends the overrides whose time is over; asks Kubernetes again where it did not answer. Errors: of the store.
  Status tick();
  // Whether both ConfigMaps have been looked at, and `control` up to this leader's own claim: before that nothing is decided.
  bool complete() const { return looked_at() && caught_up_; }

 private:
  using ConfigMap = std::map<std::string, std::string>;
  // What becomes of a change.
  struct Verdict {
    bool open = false;                 // Kubernetes is being asked about it
    std::optional<std::string> fault;  // why it is refused, if it is
  };
  bool looked_at() const { return seen_[0] && seen_[1]; }
  Verdict take(std::size_t which, const ConfigMap& data);
  void apply();
  // What waited for Kubernetes.
  Status look_again();
  Status handle_waiting();
  // A fault: the record is to be set aside.
  Result<Verdict> handle(const client::ConsumedRecord& record);
  Verdict judge(const ConfigMap& policies);
  Verdict judge(const PolicyOverride& change, const Overrides& all);
  Status handled(std::int64_t offset);
  Status publish_when_complete(queue::Changes changes = {});

  State& state_;
  SetAside set_aside_;
  Others others_;
  TemplateCheck templates_;
  std::optional<ConfigMap> open_;  // scheduling-policies as shown, waiting for Kubernetes
  ConfigMap in_force_[2];
  bool seen_[2] = {};
  bool loaded_ = false;   // an earlier leader has published one
  bool changed_ = false;  // since what was published last
  Overrides overrides_;
  std::deque<client::ConsumedRecord> waiting_;  // of `control`, not handled yet
  bool setting_aside_ = false;                  // the first of them is on its way
  bool caught_up_ = false;
  std::int64_t next_control_ = 0;    // handled up to here
  std::int64_t stored_control_ = 0;  // and stored
  runtime::Counter& refused_;
};

}  // namespace oppen::core
