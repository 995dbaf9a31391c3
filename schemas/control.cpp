#include "schemas/control.hpp"

#include "schemas/describe.hpp"

namespace oppen {

template <class V>
void describe(V& v, BudgetSet::Scope& e) {
  v.optional("team", e.team, forms::label_value);
  v.optional("project", e.project, forms::label_value);
}

template <class V>
void describe(V& v, BudgetSet& e) {
  v.required("budget_id", e.budget_id, forms::id);
  v.optional("scope", e.scope, forms::Described{});
  v.required("period", e.period, forms::one_of("month", "quarter"));
  v.required("amount_microusd", e.amount, forms::no_debt);
  v.optional("thresholds", e.thresholds, forms::ListOf<forms::Real>{{0, 1000, true}, 0, 20});
  v.required("mode", e.mode, forms::one_of("soft", "approval", "hard"));
}

template <class V>
void describe(V& v, BudgetState& e) {
  v.required("budget_id", e.budget_id, forms::some);
  v.optional("scope", e.scope, forms::Described{});
  v.optional("period", e.period, forms::one_of("month", "quarter"));
  v.required("period_start", e.period_start);
  v.required("spent_microusd", e.spent);
  v.required("committed_microusd", e.committed);
  v.required("forecast_microusd", e.forecast);
  v.required("low", e.low);
  v.required("high", e.high);
  v.required("exceeded", e.exceeded);
}

template <class V>
void describe(V& v, ProposalCreated& e) {
  v.required("proposal_id", e.proposal_id, forms::some);
  v.required("kind", e.kind, forms::some);
  v.required("summary", e.summary);
  v.required("predicted_savings_microusd", e.predicted_savings);
  v.required("changes", e.changes);
  v.optional("evidence", e.evidence);
  v.required("expires_at", e.expires_at);
}

template <class V>
void describe(V& v, ApprovalDecided& e) {
  v.optional("proposal_id", e.proposal_id, forms::some);
  v.optional("job_id", e.job_id, forms::some);
  v.required("decision", e.decision, forms::one_of("approve", "reject", "undo"));
  v.required("by", e.by, forms::some);
  v.optional("reason", e.reason);
  v.check(e.proposal_id.empty() != e.job_id.empty(), "proposal_id",
          "exactly one of proposal_id and job_id");
}

template <class V>
void describe(V& v, PolicyOverride& e) {
  v.required("key", e.key, forms::some);
  v.required("value", e.value);
  v.optional("until", e.until);
  v.optional("because", e.because);
}

template <class V>
void describe(V& v, PolicyChanged& e) {
  v.required("scheduling_policies", e.scheduling_policies);
  v.required("cost_model", e.cost_model);
  v.optional("overrides", e.overrides, forms::ListOf<forms::Described>{});
  v.required("effective_from", e.effective_from);
}

template <class V>
void describe(V& v, NodeObserved& e) {
  v.required("node", e.node, forms::some);
  v.required("gpus", e.gpus, forms::at_least(0));
  v.optional("gpu_type", e.gpu_type);
  v.required("cpu", e.cpu_millicores, forms::Cpu{});
  v.required("memory", e.memory_bytes, forms::Memory{});
  v.required("state", e.state, forms::one_of("ready", "cordoned", "not_ready", "gone"));
  v.defaulted("spot", e.spot, false, forms::Flag{});
}

template <class V>
void describe(V& v, LeaderClaimed& e) {
  v.required("instance", e.instance, forms::some);
}

template <class V>
void describe(V& v, AlertSilence::Matchers& e) {
  v.optional("kind", e.kind);
  v.optional("labels", e.labels);
}

template <class V>
void describe(V& v, AlertSilence& e) {
  v.required("silence_id", e.silence_id, forms::some);
  v.required("matchers", e.matchers, forms::Described{});
  v.required("until", e.until);
  v.required("by", e.by, forms::some);
  v.optional("reason", e.reason);
  v.check(!e.matchers.kind.empty() || !e.matchers.labels.empty(), "matchers",
          "a kind or at least one label");
}

template <class V>
void describe(V& v, AlertFeedback& e) {
  v.required("fingerprint", e.fingerprint, forms::some);
  v.required("feedback", e.feedback, forms::one_of("useful", "noise", "planned"));
  v.required("by", e.by, forms::some);
  v.optional("note", e.note);
  v.optional("until", e.until);
}

OPPEN_EVENT(BudgetSet)
OPPEN_EVENT(BudgetState)
OPPEN_EVENT(ProposalCreated)
OPPEN_EVENT(ApprovalDecided)
OPPEN_EVENT(PolicyOverride)
OPPEN_EVENT(PolicyChanged)
OPPEN_EVENT(NodeObserved)
OPPEN_EVENT(LeaderClaimed)
OPPEN_EVENT(AlertSilence)
OPPEN_EVENT(AlertFeedback)

}  // namespace oppen
