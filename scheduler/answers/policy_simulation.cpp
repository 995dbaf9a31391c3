#include "scheduler/answers/policy_simulation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scheduler/answers/answer_text.hpp"
#include "schemas/json_text.hpp"
#include "schemas/text.hpp"

namespace oppen::answers {
namespace {

using Projection = std::vector<plan::Expected>;

// The view with that value of the policy. Errors: as simulated.
Result<plan::View> changed(plan::View view, const std::string& key, const std::string& value,
                           std::optional<Time> until) {
  const bool is_of_projection =
      key == "max_concurrent_jobs" || key == "backfill_enabled" || key == "queue_paused";
  if (!is_of_projection) {
    return fail(ErrorKind::refused,
                "what " + shortened(key) +
                    " would do can't be simulated: of the policies max_concurrent_jobs, "
                    "backfill_enabled and queue_paused can");
  }
  if (until && *until <= view.now) {
    return fail(ErrorKind::invalid,
                "until is \"" + to_rfc3339(*until) + "\", expected a time to come");
  }
  const auto policy = plan::parse_policy({{key, value}});
  if (!policy) return fail(ErrorKind::invalid, sentences(policy.error()));
  if (key == "max_concurrent_jobs") view.capacity.max_concurrent_jobs = policy->max_concurrent_jobs;
  if (key == "backfill_enabled") view.backfill = policy->backfill_enabled;
  if (key == "queue_paused") {
    view.paused = policy->queue_paused;
    view.paused_until = view.paused ? until : std::nullopt;
  }
  return view;
}

void put_outcome(std::string& into, const Projection& jobs, Time now) {
  std::int64_t start = 0;
  double waited = 0;
  std::optional<Time> last_end;
  for (const auto& job : jobs) {
    if (!job.start_p50) continue;
    ++start;
    waited += Seconds(*job.start_p50 - now).count();
    last_end = std::max(last_end, job.end_p50);
  }
  JsonObjectText object(into);
  append_json(object.member("jobs_that_start"), start);
  if (start > 0)
    append_json(object.member("mean_wait_seconds"), waited / static_cast<double>(start));
  if (last_end) {
    append_json(object.member("last_end"), to_rfc3339(*last_end));
    append_json(object.member("until_all_have_run_seconds"), Seconds(*last_end - now).count());
  }
  object.end();
}

}  // namespace

Result<std::string> simulated(const std::string& key, const std::string& value,
                              std::optional<Time> until, const Snapshot& snapshot) {
  const auto view = snapshot.view();
  const auto with = changed(view, key, value, until);
  if (!with) return fail(with.error());
  const auto [before, after] = plan::project_both(view, *with);
  std::int64_t earlier = 0;
  std::int64_t later = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    // One that does not start at all is later than any that does.
    const auto was = before[i].start_p50.value_or(Time::max());
    const auto is = after[i].start_p50.value_or(Time::max());
    earlier += is < was ? 1 : 0;
    later += is > was ? 1 : 0;
  }
  std::string text;
  JsonObjectText object(text);
  append_json(object.member("as_of"), to_rfc3339(view.now));
  put_text(object, "outdated", snapshot.outdated);
  put_text(object, "held", snapshot.situation.held);
  append_json(object.member("waiting"), static_cast<std::int64_t>(before.size()));
  put_outcome(object.member("before"), before, view.now);
  put_outcome(object.member("after"), after, view.now);
  append_json(object.member("start_earlier"), earlier);
  append_json(object.member("start_later"), later);
  if (until && !(key == "queue_paused" && with->paused))
    append_json(object.member("until_ignored"), true);
  object.end();
  return text;
}

}  // namespace oppen::answers
