#include "workers/cost/ledger/fact.hpp"

#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

#include "schemas/job_events.hpp"
#include "schemas/parse.hpp"
#include "schemas/text.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

constexpr auto most_ahead = 10min;  // clocks of nodes and brokers differ

Fact fact_of(JobContext job, std::string pod, std::string pod_namespace, std::string node,
             std::string gpu_type) {
  Fact fact;
  fact.job_id = std::move(job.job_id);
  fact.attempt = job.attempt;
  fact.seq = job.seq;
  fact.told = Told{std::move(job.name),    std::move(job.user), std::string(to_string(job.state)),
                   is_terminal(job.state), job.epochs,          job.batch_size};
  fact.bearer = {{std::move(job.resources), std::move(gpu_type), job.priority, job.spot},
                 std::move(pod),
                 std::move(pod_namespace),
                 std::move(job.model_type),
                 std::move(job.workload_type),
                 std::move(job.team),
                 std::move(job.project),
                 std::move(node)};
  return fact;
}

template <class Event>
Result<Event> parsed(const CloudEvent& event) {
  auto data = parse_data<Event>(event.data);
  if (!data) return fail(ErrorKind::invalid, sentences(data.error()));
  return std::move(*data);
}

Result<std::optional<Fact>> checked(Fact fact, Time recorded_at) {
  if (fact.attempt == 0) return std::nullopt;
  if (auto status = is_job_id(fact.job_id); !status) return fail(status.error());
  if (auto status = plausible(fact, recorded_at); !status) return fail(status.error());
  return fact;
}

template <class Event>
Result<std::optional<Fact>> end_fact(const CloudEvent& event, Time recorded_at) {
  auto data = parsed<Event>(event);
  if (!data) return fail(data.error());
  auto& end = data->end;
  Fact fact = fact_of(std::move(data->job), std::move(end.pod), std::move(end.pod_namespace),
                      std::move(end.node), std::move(end.gpu_type));
  fact.started_at = end.started_at;
  fact.ended_at = end.ended_at;
  if constexpr (std::is_same_v<Event, JobSucceeded>) fact.told->metrics = std::move(data->metrics);
  if (!fact.ended_at) {
    if (!fact.started_at) return checked(std::move(fact), recorded_at);  // it never began
    return fail(ErrorKind::invalid, FieldError{"ended_at", "",
                                               "the time at which the attempt that began at " +
                                                   to_rfc3339(*fact.started_at) + " ended"}
                                        .sentence());
  }
  return checked(std::move(fact), recorded_at);
}

bool is_end(const std::string& type) {
  return type == JobSucceeded::type || type == JobFailed::type || type == JobRequeued::type ||
         type == JobCancelled::type;
}

}  // namespace

Status is_job_id(const std::string& job_id) {
  if (is_dns_label(job_id)) return {};
  return fail(ErrorKind::invalid, FieldError{"job_id", '"' + shortened(job_id) + '"',
                                             "a DNS label of at most 63 characters"}
                                      .sentence());
}

Status plausible(const Fact& fact, Time recorded_at) {
  FieldErrors errors;
  const auto check = [&](const char* field, const std::optional<Time>& time) {
    if (!time || (*time <= recorded_at + most_ahead && *time >= recorded_at - longest_ago)) return;
    errors.push_back({field, '"' + to_rfc3339(*time) + '"',
                      "a time from 90 days before the record's own, " + to_rfc3339(recorded_at) +
                          ", to 10 minutes after it"});
  };
  check("started_at", fact.started_at);
  check("ended_at", fact.ended_at);
  if (errors.empty()) return {};
  return fail(ErrorKind::invalid, sentences(errors));
}

std::optional<Fact> over_fact(const CloudEvent& event, Time recorded_at) {
  if (!is_end(event.type) || !event.data.is_object()) return std::nullopt;
  const auto id = event.data.find("job_id");
  const auto attempt = event.data.find("attempt");
  if (id == event.data.end() || !id->is_string() || attempt == event.data.end() ||
      !attempt->is_number_unsigned() || *attempt > std::numeric_limits<int>::max())
    return std::nullopt;
  Fact fact;
  fact.job_id = id->get<std::string>();
  if (!is_job_id(fact.job_id)) return std::nullopt;
  fact.attempt = attempt->get<int>();
  fact.ended_at = recorded_at;
  return fact;
}

Result<std::optional<Fact>> read_fact(const CloudEvent& event, Time recorded_at) {
  if (event.type == JobStarted::type) {
    auto data = parsed<JobStarted>(event);
    if (!data) return fail(data.error());
    Fact fact = fact_of(std::move(data->job), std::move(data->pod), std::move(data->pod_namespace),
                        std::move(data->node), std::move(data->gpu_type));
    fact.started_at = data->started_at;
    return checked(std::move(fact), recorded_at);
  }
  if (event.type == JobSucceeded::type) return end_fact<JobSucceeded>(event, recorded_at);
  if (event.type == JobFailed::type) return end_fact<JobFailed>(event, recorded_at);
  if (event.type == JobRequeued::type) return end_fact<JobRequeued>(event, recorded_at);
  if (event.type == JobCancelled::type) return end_fact<JobCancelled>(event, recorded_at);
  return std::nullopt;
}

}  // namespace oppen::cost
