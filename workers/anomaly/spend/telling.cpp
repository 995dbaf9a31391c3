#include "workers/anomaly/spend/telling.hpp"

#include <fmt/format.h>

#include <cmath>

namespace oppen::anomaly {
namespace {

constexpr double critical_floors = 5;

std::string dollar_text(double dollars) {
  return dollars < 10 ? fmt::format("${:.2f}", dollars) : fmt::format("${:.0f}", dollars);
}

std::string where(const std::map<std::string, std::string>& labels) {
  const auto& [dimension, value] = *labels.begin();
  return dimension == "scope" ? "" : fmt::format(" of {} {}", dimension, value);
}

const char* basis_text(Basis basis) {
  switch (basis) {
    case Basis::today:
      return "today so far and what is expected of the rest";
    case Basis::hours_3:
      return "a day at the rate of the last 3 hours";
    case Basis::hour_1:
      return "a day at the rate of the last hour";
    case Basis::minutes_20:
    case Basis::prices:
      break;
  }
  return "a day at the rate of the last 20 minutes";
}

Finding finding_of(const std::map<std::string, std::string>& labels, const Judgement& judgement) {
  Finding finding;
  finding.kind = "cost_spike";
  finding.labels = labels;
  finding.expected = judgement.expected;
  finding.actual = judgement.actual;
  if (judgement.expected > 0)
    finding.change_percent = 100 * judgement.excess() / judgement.expected;
  return finding;
}

}  // namespace

Finding spike(const std::map<std::string, std::string>& labels, const Judgement& judgement,
              double floor) {
  Finding finding = finding_of(labels, judgement);
  finding.severity = judgement.excess() >= critical_floors * floor && !judgement.provisional
                         ? "critical"
                         : "warning";
  finding.badness = judgement.excess();
  finding.impact = MicroUsd{std::llround(judgement.excess() * 1e6)};
  const auto increase = finding.change_percent
                            ? fmt::format("{:.0f} % increase", std::floor(*finding.change_percent))
                            : "nothing was spent before";
  if (judgement.basis == Basis::prices) {
    finding.summary = fmt::format(
        "Daily cost spike: expected {}, actual {} ({}){}. The prices are higher: by the last 20 "
        "minutes, a day "
        "at them and at those of the 7 days before; by {} a day above the floor of {}.",
        dollar_text(judgement.expected), dollar_text(judgement.actual), increase, where(labels),
        dollar_text(judgement.excess() - floor), dollar_text(floor));
    return finding;
  }
  finding.summary = fmt::format(
      "Daily cost spike: expected {}, actual {} ({}){}. By {}; above the mean of 7 days by 20 %, "
      "{:.1f} "
      "deviations above the median of 28, and by {} a day above the floor of {}.",
      dollar_text(judgement.expected), dollar_text(judgement.actual), increase, where(labels),
      basis_text(judgement.basis), judgement.deviations, dollar_text(judgement.excess() - floor),
      dollar_text(floor));
  if (judgement.provisional)
    finding.summary +=
        fmt::format(" Provisional: there are {} days of history.", judgement.history);
  return finding;
}

Finding well(const std::map<std::string, std::string>& labels, const Judgement& judgement) {
  Finding finding = finding_of(labels, judgement);
  finding.holds = false;
  finding.severity = "info";
  finding.summary =
      fmt::format("Daily cost{} is usual again: expected {}, actual {}.", where(labels),
                  dollar_text(judgement.expected), dollar_text(judgement.actual));
  return finding;
}

}  // namespace oppen::anomaly
