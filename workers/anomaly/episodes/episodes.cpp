#include "workers/anomaly/episodes/episodes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "schemas/job.hpp"
#include "schemas/parse.hpp"
#include "workers/anomaly/episodes/groups.hpp"
#include "workers/anomaly/episodes/kinds.hpp"

namespace oppen::anomaly {
namespace {

int rank_of(std::string_view severity) {
  return severity == "critical" ? 2 : severity == "warning" ? 1 : 0;
}

std::size_t order_of(std::string_view kind) {
  const auto& kinds = all_kinds();
  return static_cast<std::size_t>(
      std::find_if(kinds.begin(), kinds.end(), [&](const Kind& one) { return one.name == kind; }) -
      kinds.begin());
}

bool matches(const AlertSilence::Matchers& wanted, const Episode& one) {
  if (!wanted.kind.empty() && wanted.kind != one.kind) return false;
  return std::all_of(wanted.labels.begin(), wanted.labels.end(), [&](const auto& label) {
    const auto found = one.labels.find(label.first);
    return found != one.labels.end() && found->second == label.second;
  });
}

// What is no number can't be said, nor stored.
std::optional<double> number(std::optional<double> value) {
  return value && std::isfinite(*value) ? value : std::nullopt;
}

Alert alert_of(const Finding& finding, const std::string& fingerprint) {
  Alert alert;
  alert.alert_id = fingerprint;  // until it is said
  alert.fingerprint = fingerprint;
  alert.kind = finding.kind;
  alert.severity = finding.severity;
  alert.state = "firing";
  alert.summary = finding.summary;
  alert.expected = number(finding.expected);
  alert.actual = number(finding.actual);
  alert.change_percent = number(finding.change_percent);
  alert.impact = finding.impact;
  alert.causes = finding.causes;
  for (auto& cause : alert.causes) cause.share = number(cause.share).value_or(0);
  alert.labels = finding.labels;
  return alert;
}

}  // namespace

bool Episodes::beyond_bar(const std::string& fingerprint, double badness, Time now) const {
  const auto* said = feedback_.find(fingerprint);
  return said == nullptr || !said->bar || now >= said->bar_until || badness > *said->bar;
}

bool Episodes::is_quiet(const std::string& fingerprint, const Episode& one, Time now) const {
  const auto* said = feedback_.find(fingerprint);
  if (said != nullptr && said->planned_until && now < *said->planned_until) return true;
  return std::any_of(silences_.all().begin(), silences_.all().end(), [&](const auto& each) {
    return now < each.second.until && matches(each.second.matchers, one);
  });
}

bool Episodes::is_inhibited(const std::string& fingerprint, const Episode& one) const {
  return std::any_of(episodes_.all().begin(), episodes_.all().end(), [&](const auto& other) {
    return other.second.state == "firing" && other.first != fingerprint &&
           inhibits(other.second.kind, other.second.labels, one.kind, one.labels);
  });
}

// What is well, and was before, is not kept.
void Episodes::note(const Finding& finding, Time now) {
  const auto fingerprint = fingerprint_of(finding.kind, finding.labels);
  const auto* known = episodes_.find(fingerprint);
  const bool open = known != nullptr && known->state != "resolved" &&
                    (known->state == "firing" || now - known->seen < unseen);
  const bool holds = finding.holds && beyond_bar(fingerprint, finding.badness, now);
  if (!open && !holds) return;
  auto& one = episodes_.at(fingerprint);
  if (!open) {
    one = {};
    one.kind = finding.kind;
    one.labels = finding.labels;
    one.since = now;
  }
  one.seen = now;
  one.holds = holds;
  if (holds) {
    one.well.reset();
    one.severity = finding.severity;
    one.badness = number(finding.badness).value_or(0);
    one.alert = to_data(alert_of(finding, fingerprint));
    if (finding.remedy && !one.proposed) {
      const auto& remedy = *finding.remedy;
      one.alert["remedy"] = {{"summary", remedy.summary},
                             {"savings", remedy.predicted_savings.value},
                             {"changes", remedy.changes},
                             {"evidence", remedy.evidence}};
    }
  } else if (!one.well) {
    one.well = now;
  }
}

Said Episodes::say(const std::string& fingerprint, Episode& one, const std::string& state,
                   Time now) {
  Said said;
  said.at = now;
  said.alert = parse_data<Alert>(one.alert).value();
  said.alert.alert_id =
      short_digest(fmt::format("{} {} {}", fingerprint, to_rfc3339(one.since), one.said));
  said.alert.state = state;
  said.alert.started_at = one.since;
  said.alert.ended_at = one.ended;
  if (one.alert.contains("remedy") && !one.proposed && state != "resolved") {
    const auto& remedy = one.alert["remedy"];
    one.proposal_id =
        "alert-" + short_digest(fmt::format("{} {}", fingerprint, to_rfc3339(one.since)));
    one.proposed = true;
    said.proposal =
        ProposalCreated{one.proposal_id,      one.kind,
                        remedy.at("summary"), {remedy.at("savings").get<std::int64_t>()},
                        remedy.at("changes"), remedy.at("evidence"),
                        now + proposal_lasts};
  }
  said.alert.proposal_id = one.proposal_id;
  ++one.said;
  one.told = true;
  one.told_at = now;
  one.told_severity = one.severity;
  one.told_badness = one.badness;
  return said;
}

void Episodes::end(const std::string& fingerprint, Time at, Time now, std::vector<Said>& said) {
  auto& one = episodes_.at(fingerprint);
  one.ended = at;
  one.state = "resolved";
  if (one.told) {
    said.push_back(say(fingerprint, one, "resolved", now));
  } else {
    episodes_.erase(fingerprint);  // nobody has heard of it
  }
}

void Episodes::step(const std::string& fingerprint, Time now, std::vector<Said>& said) {
  const auto& known = *episodes_.find(fingerprint);
  const auto kind = kind_of(known.kind);
  const bool lost = now - known.seen >= unseen;
  if (known.state == "pending") {
    if (lost || !known.holds) return episodes_.erase(fingerprint);
    const auto hold = beyond_bar(fingerprint, 0, now) ? kind.hold : 2 * kind.hold;
    // The members of a group have held for long enough.
    const bool long_enough = is_group(known.labels) || now - known.since >= hold;
    if (!long_enough || is_inhibited(fingerprint, known)) return;
    episodes_.at(fingerprint).state = "firing";
  }
  if (lost) return end(fingerprint, known.seen, now, said);
  if (known.well && now - *known.well >= kind.well) end(fingerprint, *known.well, now, said);
}

void Episodes::form_groups(Time now) {
  grouped_.clear();
  std::map<std::pair<std::string, Labels>, std::vector<std::string>> groups;
  for (const auto& [fingerprint, one] : episodes_.all()) {
    if (one.state != "firing") continue;
    if (is_group(one.labels)) groups[{one.kind, one.labels}];
    const auto group = group_of(one);
    if (group && !is_quiet(fingerprint, one, now))
      groups[{one.kind, *group}].push_back(fingerprint);
  }
  for (const auto& [of, fingerprints] : groups) {
    const auto& [kind, labels] = of;
    const auto* known = episodes_.find(fingerprint_of(kind, labels));
    const bool lasts = known != nullptr && known->state == "firing";
    const bool holds = fingerprints.size() >= (lasts ? group_lasts : group_begins);
    if (!holds && !lasts) continue;
    if (holds) grouped_.insert(fingerprints.begin(), fingerprints.end());
    std::vector<const Episode*> members;
    for (const auto& fingerprint : fingerprints) members.push_back(episodes_.find(fingerprint));
    note(group_finding(kind, labels, std::move(members), holds), now);
  }
}

void Episodes::tell(const std::string& fingerprint, Time now, std::vector<Said>& said) {
  const auto& known = *episodes_.find(fingerprint);
  if (known.well || grouped_.contains(fingerprint) || is_quiet(fingerprint, known, now)) return;
  if (!known.told)
    return said.push_back(say(fingerprint, episodes_.at(fingerprint), "firing", now));
  const bool graver = rank_of(known.severity) > rank_of(known.told_severity);
  const bool worse = known.badness > known.told_badness &&
                     known.badness >= known.told_badness * clearly_worse &&
                     now - known.told_at >= between_updates;
  if ((graver || worse) && !is_inhibited(fingerprint, known))
    said.push_back(say(fingerprint, episodes_.at(fingerprint), "updated", now));
}

std::set<std::string, std::less<>> Episodes::open_kinds() const {
  std::set<std::string, std::less<>> kinds;
  for (const auto& [fingerprint, one] : episodes_.all()) {
    if (one.state != "resolved") kinds.insert(one.kind);
  }
  return kinds;
}

// What explains others comes before them.
std::vector<std::string> Episodes::open_ones() const {
  std::vector<std::tuple<std::size_t, bool, std::string>> open;
  for (const auto& [fingerprint, one] : episodes_.all()) {
    if (one.state != "resolved")
      open.emplace_back(order_of(one.kind), !is_group(one.labels), fingerprint);
  }
  std::sort(open.begin(), open.end());
  std::vector<std::string> fingerprints;
  for (auto& one : open) fingerprints.push_back(std::move(std::get<2>(one)));
  return fingerprints;
}

std::vector<Said> Episodes::look(const std::vector<Finding>& findings, Time now) {
  // Most of what is well was well before, and costs no digest.
  const auto kinds = open_kinds();
  for (const auto& finding : findings) {
    if (finding.holds || kinds.contains(finding.kind)) note(finding, now);
  }
  std::vector<Said> said;
  const auto single = [&](const std::string& fingerprint) {
    return !is_group(episodes_.find(fingerprint)->labels);
  };
  for (const auto& fingerprint : open_ones()) {
    if (single(fingerprint)) step(fingerprint, now, said);
  }
  form_groups(now);
  for (const auto& fingerprint : open_ones()) {
    if (!single(fingerprint)) step(fingerprint, now, said);
  }
  for (const auto& fingerprint : open_ones()) {
    if (episodes_.find(fingerprint)->state == "firing") tell(fingerprint, now, said);
  }
  forget(now);
  return said;
}

void Episodes::forget(Time now) {
  silences_.erase_if([&](const AlertSilence& one) { return one.until <= now; });
  feedback_.erase_if([&](const Feedback& one) {
    return now >= one.at + noise_lasts && now >= one.planned_until.value_or(now);
  });
  std::vector<std::pair<Time, std::string>> ended;
  for (const auto& [fingerprint, one] : episodes_.all()) {
    if (one.state == "resolved") ended.emplace_back(one.told_at, fingerprint);
  }
  std::sort(ended.begin(), ended.end());
  for (std::size_t i = 0; i < ended.size(); ++i) {
    if (ended[i].first + ended_kept < now || ended.size() - i > most_ended)
      episodes_.erase(ended[i].second);
  }
}

void Episodes::take(const AlertSilence& silence) { silences_.at(silence.silence_id) = silence; }

void Episodes::take(const AlertFeedback& feedback, Time at) {
  auto& one = feedback_.at(feedback.fingerprint);
  one.feedback = feedback.feedback;
  one.by = feedback.by;
  one.note = feedback.note;
  one.at = at;
  const auto* episode = episodes_.find(feedback.fingerprint);
  if (feedback.feedback == "planned") {
    one.planned_until = feedback.until.value_or(at + planned_lasts);
  } else if (feedback.feedback == "noise") {
    one.bar = (episode == nullptr ? 0 : episode->badness) * clearly_worse;
    one.bar_until = feedback.until.value_or(at + noise_lasts);
  } else {
    one.bar.reset();
    one.planned_until.reset();
  }
}

std::vector<Episodes::Count> Episodes::counts() const {
  std::vector<Count> counts;
  for (const auto& kind : all_kinds()) {
    for (const auto* const state : {"pending", "firing"}) {
      const auto of_both =
          std::count_if(episodes_.all().begin(), episodes_.all().end(), [&](const auto& one) {
            return one.second.kind == kind.name && one.second.state == state;
          });
      counts.push_back({std::string(kind.name), state, static_cast<int>(of_both)});
    }
  }
  return counts;
}

void Episodes::take_changes(std::vector<Cell>& cells) {
  episodes_.take_changes(cells);
  silences_.take_changes(cells);
  feedback_.take_changes(cells);
}

const std::vector<std::string>& Episodes::hashes() {
  static const std::vector<std::string> all = {"episodes", "silences", "feedback"};
  return all;
}

bool Episodes::load(const std::string& hash, const std::string& field, const std::string& value) {
  if (hash == "silences") return silences_.load(field, value);
  if (hash == "feedback") return feedback_.load(field, value);
  if (!episodes_.load(field, value)) return false;
  const bool can_be_said = parse_data<Alert>(episodes_.find(field)->alert).has_value();
  if (!can_be_said) episodes_.erase(field);
  return can_be_said;
}

}  // namespace oppen::anomaly
