#pragma once
// Attempts to tell the ledger of, and what it has published of them, judged.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "schemas/parse.hpp"
#include "workers/cost/ledger/ledger.hpp"

namespace oppen::cost {

inline Time at(const char* text) { return parse_rfc3339(text).value(); }

inline Bearer bearer() {
  Bearer bearer;
  bearer.usage.resources = {1, std::nullopt, "", 1'500, std::int64_t{3} << 30};
  bearer.usage.gpu_type = "T4";
  bearer.pod = "a-1";
  bearer.pod_namespace = "ml-training";
  bearer.model_type = "mnist";
  bearer.workload_type = "training";
  bearer.team = "vision";
  bearer.project = "digits";
  return bearer;
}

inline Fact began(Time time, int attempt = 1, const std::string& job_id = "a") {
  return {job_id, attempt, attempt * 10 + 1, time, {}, bearer()};
}
inline Fact ended(Time start, Time end, int attempt = 1, const std::string& job_id = "a") {
  return {job_id, attempt, attempt * 10 + 2, start, end, bearer()};
}

// What a consumer makes of the events: it drops ids that it has seen, and adds up.
class Consumer {
 public:
  void take(const std::vector<Charge>& charges) {
    for (const auto& charge : charges) take(charge);
  }

  void take(const Charge& charge) {
    const auto& event = charge.event;
    ASSERT_TRUE(parse_data<CostAccrued>(to_data(event))) << to_text(event);
    if (!ids.insert(charge.id).second) return;
    log.push_back(charge);
    auto& account = accounts[{event.job_id, event.attempt}];
    account.sum.gpu += event.gpu;
    account.sum.cpu += event.cpu;
    account.sum.memory += event.memory;
    account.sum.total += event.total;
    if (event.correction) {
      ASSERT_LE(event.interval_start, event.interval_end) << charge.id;
      account.until = event.interval_start;
    } else {
      ASSERT_GE(event.total, MicroUsd{}) << charge.id;
      // No time is charged twice, and none is left out.
      if (account.until) {
        ASSERT_EQ(event.interval_start, *account.until) << charge.id;
      } else {
        account.from = event.interval_start;
      }
      // On the grid, or shorter.
      const auto slot = [](Time time) {
        return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()) / grid;
      };
      ASSERT_EQ(
          slot(event.interval_start),
          slot(std::max(event.interval_start, event.interval_end - std::chrono::milliseconds(1))))
          << charge.id;
      account.until = event.interval_end;
    }
    account.final = event.final;
  }

  struct Account {
    pricing::Price sum;
    Time from{};
    std::optional<Time> until;
    bool final = false;
  };
  std::map<std::pair<std::string, int>, Account> accounts;
  std::set<std::string> ids;
  std::vector<Charge> log;
};

}  // namespace oppen::cost
