#pragma once
// Days of spending, written briefly.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "workers/anomaly/spend/spend.hpp"

namespace oppen::anomaly {

inline constexpr Time start{std::chrono::hours(24 * 20'454)};  // 2026-01-01
inline Time day(double number) {
  return start + std::chrono::minutes(std::llround(number * 24 * 60));
}

inline SpentOn of_team(const std::string& team) {
  return {team, team + "-p", team + "-m", "T4", "ml-training", "training"};
}

struct Daily {
  SpentOn on;
  double dollars = 0;
  int jobs = 1;      // at once
  double price = 1;  // of a unit, dollars a day
};

// Each of them in turn, every five minutes; looked at every hour.
inline void spends(Spend& spend, double from, double until, const std::vector<Daily>& all) {
  for (Time at = day(from); at < day(until); at += std::chrono::minutes(5)) {
    if (at.time_since_epoch() % std::chrono::hours(1) == std::chrono::hours(0)) spend.look(at);
    for (const auto& [on, dollars, jobs, price] : all)
      for (int job = 0; job < jobs; ++job) {
        Spending one;
        one.start = at;
        one.end = at + std::chrono::minutes(5);
        one.amount = {std::llround(dollars * 1e6 / 288 / jobs)};
        one.on = on;
        one.units = dollars / jobs / price;
        spend.add(one);
      }
  }
}
inline void spends(Spend& spend, const SpentOn& on, double from, double until, double dollars) {
  spends(spend, from, until, {{on, dollars}});
}

// What is told at that time and holds.
inline std::vector<Finding> told(Spend& spend, double at) {
  auto findings = spend.look(day(at));
  std::erase_if(findings, [](const auto& finding) { return !finding.holds; });
  return findings;
}

}  // namespace oppen::anomaly
