#pragma once
// What operators and workers say to each other on the topic `control`: budgets, proposals,
// policies, nodes, leaders, silences. Plain values.
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/time.hpp"
#include "schemas/units.hpp"

namespace oppen {

struct BudgetSet {
  static constexpr std::string_view type = "dev.oppen.budget.set.v1";
  std::string budget_id;
  struct Scope {  // both empty: everything
    std::string team;
    std::string project;
  } scope;
  std::string period;  // month | quarter
  MicroUsd amount;
  std::vector<double> thresholds;  // percent of the amount
  std::string mode;                // soft | approval | hard
};

struct BudgetState {
  static constexpr std::string_view type = "dev.oppen.budget.state.v1";
  std::string budget_id;
  BudgetSet::Scope scope;  // of the budget that this was summed for
  std::string period;      // likewise; "": not told
  Time period_start{};
  MicroUsd spent;
  MicroUsd committed;  // estimated, of what is queued or runs
  MicroUsd forecast;   // at the end of the period, and its bounds:
  MicroUsd low;        // JSON "low", micro-dollars
  MicroUsd high;       // JSON "high", micro-dollars
  bool exceeded = false;
};

struct ProposalCreated {
  static constexpr std::string_view type = "dev.oppen.proposal.created.v1";
  std::string proposal_id;
  std::string kind;
  std::string summary;
  MicroUsd predicted_savings;
  nlohmann::json changes = nlohmann::json::object();
  nlohmann::json evidence = nlohmann::json::object();
  Time expires_at{};
};

struct ApprovalDecided {
  static constexpr std::string_view type = "dev.oppen.approval.decided.v1";
  std::string proposal_id;  // exactly one of proposal_id and job_id is not empty
  std::string job_id;
  std::string decision;  // approve | reject | undo
  std::string by;
  std::string reason;
};

// One ConfigMap key that holds another value, until withdrawn or for a time.
struct PolicyOverride {
  static constexpr std::string_view type = "dev.oppen.policy.override.v1";
  std::string key;
  std::string value;  // as the ConfigMap would hold it: text
  std::optional<Time> until;
  std::string because;  // the proposal's id
};

// Both ConfigMaps and the overrides in force, whole. What is priced or judged from `effective_from`
// on goes by it.
struct PolicyChanged {
  static constexpr std::string_view type = "dev.oppen.policy.changed.v1";
  std::map<std::string, std::string> scheduling_policies;
  std::map<std::string, std::string> cost_model;
  std::vector<PolicyOverride> overrides;
  Time effective_from{};
};

struct NodeObserved {
  static constexpr std::string_view type = "dev.oppen.node.observed.v1";
  std::string node;
  int gpus = 0;                     // allocatable; one that is shared by time counts once
  std::string gpu_type;             // "" (absent): none
  std::int64_t cpu_millicores = 0;  // allocatable; JSON "cpu", quantity text
  std::int64_t memory_bytes = 0;    // allocatable; JSON "memory", quantity text
  std::string state;                // ready | cordoned | not_ready | gone
  bool spot = false;                // may be taken away, and is priced so

  bool operator==(const NodeObserved&) const = default;
};

// Its offset in the topic is the epoch of the scheduler that claims to lead.
struct LeaderClaimed {
  static constexpr std::string_view type = "dev.oppen.leader.claimed.v1";
  std::string instance;
};

// Alerts that match everything given are not delivered until then.
struct AlertSilence {
  static constexpr std::string_view type = "dev.oppen.alert.silence.v1";
  std::string silence_id;
  struct Matchers {  // at least one
    std::string kind;
    std::map<std::string, std::string> labels;
  } matchers;
  Time until{};
  std::string by;
  std::string reason;
};

// What a person says about an alert: it helped, it was noise, or what it reports was planned (until
// then).
struct AlertFeedback {
  static constexpr std::string_view type = "dev.oppen.alert.feedback.v1";
  std::string fingerprint;
  std::string feedback;  // useful | noise | planned
  std::string by;
  std::string note;
  std::optional<Time> until;
};

}  // namespace oppen
