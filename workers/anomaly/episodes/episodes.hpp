#pragma once
// Makes alerts of what the rules find. What holds long enough fires; it is told again when it is clearly worse, and when it is over. What is
// silenced, planned, explained by another alert, or one of many in a group (groups.hpp) is not told, and is told later where it still holds then.
//
// Pure: goes by the times that it is given, and the same findings at the same times give the same alerts, with the same ids. One thread.
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "schemas/alerts.hpp"
#include "schemas/control.hpp"
#include "workers/anomaly/episodes/episode.hpp"
#include "workers/anomaly/finding.hpp"

namespace oppen::anomaly {

// To be published, in this order: the proposal first, which the alert names.
struct Said {
  Alert alert;
  Time at{};
  std::optional<ProposalCreated> proposal;
};

class Episodes {
 public:
  static constexpr std::chrono::minutes unseen{
      10};  // then it is over, its rule knows of it no more; what is pending begins anew
  static constexpr std::chrono::minutes between_updates{10};
  static constexpr double clearly_worse = 1.25;  // times what was told
  static constexpr std::chrono::hours noise_lasts{24 * 30};
  static constexpr std::chrono::hours planned_lasts{24};  // where no end is given
  static constexpr std::chrono::hours proposal_lasts{24 * 3};
  static constexpr std::chrono::hours ended_kept{24 * 7};
  static constexpr std::size_t most_ended = 1'000;

  // At each moment all that the rules find, `now` not before the last one.
  std::vector<Said> look(const std::vector<Finding>& findings, Time now);

  // Of those that are pending or firing.
  std::set<std::string, std::less<>> open_kinds() const;

  void take(const AlertSilence& silence);
  void take(const AlertFeedback& feedback, Time at);
  // Of an episode that is known.
  const Episode* find(const std::string& fingerprint) const { return episodes_.find(fingerprint); }

  struct Count {
    std::string kind;
    std::string state;
    int count = 0;
  };
  // Pending and firing ones by kind, of each kind that was ever there; zeros too.
  std::vector<Count> counts() const;

  void take_changes(std::vector<Cell>& cells);
  static const std::vector<std::string>& hashes();
  bool load(const std::string& hash, const std::string& field, const std::string& value);

 private:
  bool beyond_bar(const std::string& fingerprint, double badness, Time now) const;
  bool is_quiet(const std::string& fingerprint, const Episode& one, Time now) const;
  bool is_inhibited(const std::string& fingerprint, const Episode& one) const;
  void note(const Finding& finding, Time now);
  std::vector<std::string> open_ones() const;
  // Begins and ends it.
  void step(const std::string& fingerprint, Time now, std::vector<Said>& said);
  void form_groups(Time now);
  void tell(const std::string& fingerprint, Time now, std::vector<Said>& said);
  void end(const std::string& fingerprint, Time at, Time now, std::vector<Said>& said);
  Said say(const std::string& fingerprint, Episode& one, const std::string& state, Time now);
  void forget(Time now);

  Kept<Episode> episodes_{"episodes"};
  Kept<AlertSilence> silences_{"silences"};
  Kept<Feedback> feedback_{"feedback"};
  std::set<std::string> grouped_;  // those that are told by their group; of the present look
};

}  // namespace oppen::anomaly
