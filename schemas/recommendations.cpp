#include "schemas/recommendations.hpp"

#include "schemas/describe.hpp"

namespace oppen {

template <class V>
void describe(V& v, CostRecommendation::Percent& e) {
  v.required("low", e.low);
  v.required("high", e.high);
}

template <class V>
void describe(V& v, CostRecommendation::Amount& e) {
  v.required("low", e.low);
  v.required("high", e.high);
}

template <class V>
void describe(V& v, CostRecommendation::Action& e) {
  v.optional("command", e.command);
  v.optional("changes", e.changes);
}

template <class V>
void describe(V& v, CostRecommendation& e) {
  v.required("recommendation_id", e.recommendation_id, forms::some);
  v.optional("job_id", e.job_id);
  v.optional("run_id", e.run_id);
  v.optional("team", e.team);
  v.optional("project", e.project);
  v.required(
      "strategy", e.strategy,
      forms::one_of("batch_size", "training_efficiency", "off_peak", "spot", "early_stopping",
                    "gpu_type", "quantization", "gpu_sharing", "right_size"));
  v.required("description", e.description);
  v.required("savings_percent", e.savings_percent, forms::Described{});
  v.required("savings_microusd", e.savings, forms::Described{});
  v.required("confidence", e.confidence, forms::one_of("high", "medium", "low"));
  v.required("risk", e.risk);
  v.optional("evidence", e.evidence);
  v.optional("action", e.action, forms::Described{});
  v.check(!e.job_id.empty() || !e.run_id.empty(), "job_id", "a job_id or a run_id");
}

OPPEN_EVENT(CostRecommendation)

}  // namespace oppen
