#pragma once
// What the core knows at one moment, copied for those who look into the future (scheduler/answers). Plain values, any thread.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/plan/policy.hpp"
#include "scheduler/plan/project.hpp"
#include "workers/cost/budgets/book.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::core {

struct Situation {
  // A live attempt's job: where it stood in the queue.
  struct LiveJob {
    std::string job_id;
    Priority priority = Priority::normal;
    std::int64_t place = 0;
  };

  Time at{};
  plan::Capacity capacity;  // `ours` are exactly the attempts of `running`
  plan::LogNormal overhead;
  std::vector<plan::Running> running;  // one for each of `live`
  std::vector<LiveJob> live;
  std::shared_ptr<const plan::Policy> policy;
  std::shared_ptr<const pricing::CostModel> cost_model;
  std::optional<Time> paused_until;        // of policy->queue_paused, where the pause has an end
  std::vector<budgets::Standing> budgets;  // none when none holds jobs
  std::string held;  // why nothing is launched at present, whatever would fit; "" otherwise
};

// Of an estimate without a spread: the model catalogue is taken to be right within a factor of 1.6.
inline constexpr int unknown_spread_permille = 500;

}  // namespace oppen::core
