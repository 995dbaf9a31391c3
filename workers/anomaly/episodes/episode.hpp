#pragma once
// One alert from its first sign to its end, as it is kept. A plain value.
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "schemas/control.hpp"
#include "schemas/time.hpp"
#include "workers/anomaly/episodes/kept.hpp"

template <>
struct nlohmann::adl_serializer<oppen::AlertSilence> : oppen::anomaly::AsData<oppen::AlertSilence> {
};

namespace oppen::anomaly {

struct Episode {
  std::string kind;
  std::map<std::string, std::string> labels;
  std::string state = "pending";  // pending | firing | resolved
  Time since{};                   // when it began to hold
  Time seen{};                    // when its rule spoke of it last
  std::optional<Time> well;       // since when it is well again
  std::optional<Time> ended;
  bool holds = false;
  std::string severity;
  double badness = 0;
  bool told = false;  // it was published: firing, updated or resolved
  int said = 0;       // how often
  std::string told_severity;
  double told_badness = 0;
  Time told_at{};
  nlohmann::json alert;  // as it would be said now: an Alert without what belongs to one event
  std::string proposal_id;
  bool proposed = false;  // it was published, with the alert
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Episode, kind, labels, state, since, seen, well,
                                                ended, holds, severity, badness, told, said,
                                                told_severity, told_badness, told_at, alert,
                                                proposal_id, proposed)

// What people said of the alerts of a fingerprint.
struct Feedback {
  std::string feedback;  // the last one
  std::string by;
  std::string note;
  Time at{};
  std::optional<double> bar;  // noise: what is not worse than that is no alert
  std::optional<Time> bar_until;
  std::optional<Time> planned_until;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Feedback, feedback, by, note, at, bar, bar_until,
                                                planned_until)

}  // namespace oppen::anomaly
