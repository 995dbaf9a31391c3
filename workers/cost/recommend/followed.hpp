#pragma once
// What came of a recommendation: whether a later run followed it, and what that saved. Pure, any thread.
//
// A run is known to follow by what it is, and needs no reference to the recommendation: whoever changes a pipeline's own file has followed it,
// too, and job events carry no labels.
#include <optional>
#include <string>
#include <string_view>

#include "schemas/error.hpp"
#include "schemas/recommendations.hpp"
#include "workers/cost/books/records.hpp"
#include "workers/cost/pricing/rate_history.hpp"

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

// nullopt: `later` did not follow it: it is no run of the same work that began after the first had ended, succeeded, and has all that was to
// be changed; or nothing was to be changed. What is compared is the cost of an epoch, and of the run where epochs are what was to be
// changed or where a run has none. `rates` say when the off-peak window is; rates that have changed are something else that was changed.
std::optional<FollowedBy> followed_by(const CostRecommendation& recommendation,
                                      const RunRecord& first, const RunRecord& later,
                                      const pricing::RateHistory& rates);

// The name that a run was given; "" where it is only known by its id, which the scheduler makes its name then.
std::string own_name(const RunRecord& run);

// Where the recommendation of a strategy stands until it is followed. Runs of one place are of the same work: of the same name (without
// one, of the same model type), model type, workload type, team and project.
std::string place_of(std::string_view strategy, const RunRecord& run);

// Of a recommendation what followed_by needs, and its run's ids, as short text, and back. Fatal when malformed.
std::string short_text(const CostRecommendation& recommendation);
Result<CostRecommendation> read_short(std::string_view strategy, std::string_view text);

}  // namespace oppen::cost
