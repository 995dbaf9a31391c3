#include "producers/agent/optimizing.hpp"

#include <fmt/format.h>

#include <cmath>

#include "producers/access/event_text.hpp"
#include "producers/agent/tools.hpp"
#include "schemas/parse.hpp"

namespace oppen::agent {

using nlohmann::json;
using namespace access;

Result<WaitingJob> waiting_job(const Backend& backend, const std::string& job_id) {
  auto job = backend.get("jobs/" + escaped(job_id));
  if (!job) return fail(job.error());
  if (const auto state = text_field(*job, "state"); state != "queued") {
    return fail(ErrorKind::refused,
                "job " + job_id + " is " + state + ": only what waits can be changed");
  }
  auto spec = parse_data<JobSubmit>(job->value("spec", json::object()));
  if (!spec)
    return fail(ErrorKind::unavailable,
                "the spec of job " + job_id + " can't be read: " + sentences(spec.error()));
  return WaitingJob{std::move(spec->spec), *std::move(job)};
}

JobSpec amended(JobSpec spec, const JobAmend::Changes& changes) {
  if (changes.priority) spec.priority = changes.priority;
  if (changes.window) spec.window = *changes.window;
  if (changes.batch_size) spec.batch_size = changes.batch_size;
  if (changes.spot) spec.spot = *changes.spot;
  if (changes.gpu_type) spec.resources.gpu_type = *changes.gpu_type;
  return spec;
}

Result<std::vector<json>> compared(const Backend& backend, std::vector<JobSpec> specs) {
  BatchSubmit batch;
  batch.batch_id = "compare";
  for (std::size_t i = 0; i < specs.size(); ++i) {
    specs[i].job_id = fmt::format("compare-{}", i);
    specs[i].name.clear();
    specs[i].after.clear();
  }
  batch.jobs = std::move(specs);
  const auto answer = backend.post("compare", to_text(batch));
  if (!answer) return fail(answer.error());
  const json error = answer->value("error", json::object());
  if (!error.empty())
    return fail(ErrorKind::invalid,
                text_field(error, "message") + error.value("errors", json::array()).dump());
  std::vector<json> all = answer->at("configurations");
  if (all.size() != batch.jobs.size())
    return fail(ErrorKind::unavailable, "the console compares other jobs than it was asked");
  return all;
}

std::int64_t expected_cost(const json& configuration) {
  return std::llround(
      number_field(configuration.value("cost_microusd", json::object()), "expected"));
}

json priced(const json& before, const json& after) {
  const auto cost = expected_cost(before);
  const auto then = expected_cost(after);
  json out = {{"cost_before_microusd", cost},
              {"cost_after_microusd", then},
              {"savings_microusd", cost - then},
              {"seconds_before", number_field(before.value("seconds", json::object()), "expected")},
              {"seconds_after", number_field(after.value("seconds", json::object()), "expected")},
              {"basis", text_field(after, "basis")},
              {"history_runs", whole_of(after, "history_runs")},
              {"start", text_field(after, "start")}};
  if (cost > 0)
    out["savings_percent"] = 100.0 * static_cast<double>(cost - then) / static_cast<double>(cost);
  return out;
}

json amendment(const std::string& job_id, const JobAmend::Changes& changes) {
  json data = to_data(JobAmend{job_id, changes, "agent"});
  data.erase("requested_by");
  return data;
}

std::string proposal_id_of(const json& changes) {
  auto about = text_field(changes, "job_id", text_field(changes, "key"));
  std::erase_if(about, [](char letter) {
    return !(letter >= 'a' && letter <= 'z') && !(letter >= '0' && letter <= '9') &&
           letter != '-' && letter != '_';
  });
  return std::string(proposal_prefix) + about + "-" + short_digest(changes.dump());
}

}  // namespace oppen::agent
