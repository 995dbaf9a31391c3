#pragma once
// What came of a recommendation: whether a later run followed it, what that saved, and how that moves the confidence of the next
// one. Pure, any thread.
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "schemas/error.hpp"
#include "schemas/recommendations.hpp"
#include "workers/cost/books/records.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::cost {

struct FollowedBy {
  std::string recommendation_id;
  std::string strategy;
  std::string run;           // the later one: its job id, else its run id
  double saved_percent = 0;  // below zero: it cost more
  std::int64_t saved_microusd = 0;
  bool kept = false;   // it saved at least what was promised as low, less a tenth of that
  bool alone = false;  // nothing else was changed with it: only then is the saving its own
};

// nullopt: `later` did not follow it: it is no run of the same name (of the same model type, where the first had no name) that
// began after the first had ended, succeeded, and has all that was to be changed; or nothing was to be changed. What is compared
// is the cost of an epoch, and of the run where epochs are what was to be changed or where a run has none. `model` says when
// the off-peak window is.
std::optional<FollowedBy> followed_by(const CostRecommendation& recommendation,
                                      const RunRecord& first, const RunRecord& later,
                                      const pricing::CostModel& model);

// Of one strategy and model type. Only what was followed alone counts.
struct TrackRecord {
  int followed = 0;
  int kept = 0;
  double saved_percent_sum = 0;

  void add(const FollowedBy& outcome);
  double mean_saved_percent() const { return followed == 0 ? 0 : saved_percent_sum / followed; }
};

// By strategy, of one model type.
using TrackRecords = std::map<std::string, TrackRecord, std::less<>>;

// As short text, and back. Fatal when malformed.
std::string encode(const TrackRecords& records);
Result<TrackRecords> decode_track_records(std::string_view text);

}  // namespace oppen::cost
