#pragma once
#include <string>

#include "workers/notifier/waiting.hpp"

namespace oppen::test {

inline Time given_time(std::string_view text) { return parse_rfc3339(text).value(); }

inline Alert given_alert(const std::string& fingerprint, const std::string& state = "firing") {
  Alert alert;
  alert.alert_id = fingerprint + "-" + state;
  alert.fingerprint = fingerprint;
  alert.kind = "cost_spike";
  alert.severity = "critical";
  alert.state = state;
  alert.started_at = given_time("2026-01-03T18:15:00Z");
  alert.summary = "Daily cost spike: expected $40, actual $55 (37 % increase)";
  alert.labels = {{"team", "vision"}};
  if (state == "resolved") alert.ended_at = given_time("2026-01-03T20:15:00Z");
  return alert;
}

}  // namespace oppen::test
