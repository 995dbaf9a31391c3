#include "schemas/event_types.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "schemas/alerts.hpp"
#include "schemas/commands.hpp"
#include "schemas/control.hpp"
#include "schemas/costs.hpp"
#include "schemas/job_events.hpp"
#include "schemas/parse.hpp"
#include "schemas/recommendations.hpp"
#include "schemas/runs.hpp"
#include "schemas/telemetry.hpp"
#include "schemas/topics.hpp"

namespace oppen {
namespace {

template <class Event>
tl::expected<nlohmann::json, FieldErrors> rewrite(const nlohmann::json& data) {
  return parse_data<Event>(data).map([](const Event& event) { return to_data(event); });
}

template <class Event>
constexpr EventType on(std::string_view topic) {
  return {Event::type, topic, rewrite<Event>};
}

constexpr EventType table[] = {
    on<JobSubmit>(topics::jobs),
    on<BatchSubmit>(topics::jobs),
    on<JobCancel>(topics::jobs),
    on<JobAmend>(topics::jobs),
    on<BudgetSet>(topics::control),
    on<BudgetState>(topics::control),
    on<ProposalCreated>(topics::control),
    on<ApprovalDecided>(topics::control),
    on<PolicyOverride>(topics::control),
    on<PolicyChanged>(topics::control),
    on<NodeObserved>(topics::control),
    on<LeaderClaimed>(topics::control),
    on<AlertSilence>(topics::control),
    on<AlertFeedback>(topics::control),
    on<JobQueued>(topics::job_events),
    on<JobRejected>(topics::job_events),
    on<JobDuplicate>(topics::job_events),
    on<JobLaunched>(topics::job_events),
    on<JobStarted>(topics::job_events),
    on<JobSucceeded>(topics::job_events),
    on<JobFailed>(topics::job_events),
    on<JobRequeued>(topics::job_events),
    on<JobCancelled>(topics::job_events),
    on<JobCancelRefused>(topics::job_events),
    on<JobAmended>(topics::job_events),
    on<JobAmendRefused>(topics::job_events),
    on<BatchQueued>(topics::job_events),
    on<BatchRejected>(topics::job_events),
    on<BatchDuplicate>(topics::job_events),
    on<GpuSample>(topics::telemetry),
    on<PodSample>(topics::telemetry),
    on<RunProgress>(topics::runs),
    on<RunCompleted>(topics::runs),
    on<CostAccrued>(topics::costs),
    on<CostRecommendation>(topics::recommendations),
    on<Alert>(topics::alerts),
};

}  // namespace

std::span<const EventType> event_types() { return table; }

const EventType* find_event_type(std::string_view type) {
  const auto* found = std::find_if(std::begin(table), std::end(table),
                                   [type](const EventType& event) { return event.type == type; });
  return found == std::end(table) ? nullptr : found;
}

}  // namespace oppen
