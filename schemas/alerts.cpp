#include "schemas/alerts.hpp"

#include "schemas/describe.hpp"

namespace oppen {

template <class V>
void describe(V& v, Alert::Cause& e) {
  v.required("dimension", e.dimension, forms::some);
  v.required("value", e.value);
  v.required("share", e.share);
  v.required("explanation", e.explanation);
}

template <class V>
void describe(V& v, Alert& e) {
  v.required("alert_id", e.alert_id, forms::some);
  v.required("fingerprint", e.fingerprint, forms::some);
  v.required("kind", e.kind, forms::some);
  v.required("severity", e.severity, forms::one_of("info", "warning", "critical"));
  v.required("state", e.state, forms::one_of("firing", "updated", "resolved"));
  v.required("started_at", e.started_at);
  v.optional("ended_at", e.ended_at);
  v.required("summary", e.summary);
  v.optional("expected", e.expected);
  v.optional("actual", e.actual);
  v.optional("change_percent", e.change_percent);
  v.optional("impact_microusd", e.impact);
  v.optional("causes", e.causes, forms::ListOf<forms::Described>{});
  v.optional("proposal_id", e.proposal_id);
  v.optional("labels", e.labels);
}

OPPEN_EVENT(Alert)

}  // namespace oppen
