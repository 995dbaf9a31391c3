#include "workers/console/alerts_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "schemas/parse.hpp"

namespace oppen::console {
namespace {

using anomaly::Episode;
using nlohmann::json;

json alert_json(const std::string& fingerprint, const Episode& episode) {
  json one = episode.alert;  // as it would be published
  for (const auto* const of_an_event : {"alert_id", "remedy", "proposal_id", "ended_at"})
    one.erase(of_an_event);
  one["fingerprint"] = fingerprint;
  one["state"] = episode.state;
  one["started_at"] = to_rfc3339(episode.since);
  one["told"] = episode.told;
  if (episode.ended) one["ended_at"] = to_rfc3339(*episode.ended);
  if (episode.proposed) one["proposal_id"] = episode.proposal_id;
  return one;
}

auto place_of(const Episode& episode) {
  const int state = episode.state == "firing" ? 0 : episode.state == "pending" ? 1 : 2;
  const int gravity = episode.severity == "critical" ? 0 : episode.severity == "warning" ? 1 : 2;
  return std::tuple(state, state == 2 ? 0 : gravity,
                    -episode.ended.value_or(episode.since).time_since_epoch().count());
}

}  // namespace

json alerts_json(const anomaly::AlertsView& view, const std::string& state, Time now) {
  std::vector<std::pair<std::string, const Episode*>> wanted;
  for (const auto& [fingerprint, episode] : view.episodes) {
    if (state == "all" || episode.state == state) wanted.emplace_back(fingerprint, &episode);
  }
  std::stable_sort(wanted.begin(), wanted.end(), [](const auto& a, const auto& b) {
    return place_of(*a.second) < place_of(*b.second);
  });
  json alerts = json::array();
  for (const auto& [fingerprint, episode] : wanted) {
    auto one = alert_json(fingerprint, *episode);
    if (const auto said = view.feedback.find(fingerprint); said != view.feedback.end()) {
      one["feedback"] = {{"feedback", said->second.feedback},
                         {"by", said->second.by},
                         {"at", to_rfc3339(said->second.at)}};
      if (!said->second.note.empty()) one["feedback"]["note"] = said->second.note;
      if (said->second.planned_until)
        one["feedback"]["until"] = to_rfc3339(*said->second.planned_until);
    }
    alerts.push_back(std::move(one));
  }
  json silences = json::array();
  for (const auto& silence : view.silences) {
    if (silence.until > now) silences.push_back(to_data(silence));
  }
  return {{"alerts", std::move(alerts)}, {"silences", std::move(silences)}};
}

}  // namespace oppen::console
