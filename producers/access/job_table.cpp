#include "producers/access/job_table.hpp"

#include <nlohmann/json.hpp>

#include "producers/access/event_text.hpp"
#include "producers/access/render.hpp"

namespace oppen::access {
namespace {

using nlohmann::json;

std::string whole(const json& job, const char* name) {
  return job.contains(name) ? std::to_string(static_cast<long long>(number_field(job, name))) : "";
}

// How long it has run, or ran.
std::string ran(const json& job, Time now) {
  const auto started = parse_rfc3339(text_field(job, "started_at"));
  if (!started) return "";
  const auto ended = parse_rfc3339(text_field(job, "ended_at"));
  return duration_text(Seconds(ended.value_or(now) - *started).count());
}

// When it will probably start, of one that waits.
std::string eta(const json& job, Time now) {
  const auto start = parse_rfc3339(text_field(job, "start_p50"));
  return start ? from_now(*start, now) : "";
}

}  // namespace

std::string job_table(const json& jobs, Time now, int width) {
  const std::vector<Column> columns = {
      {"JOB"},           {"MODEL", false, 3}, {"PRIORITY"},
      {"STATE"},         {"POS", true, 2},    {"EPOCHS", true, 4},
      {"ETA", true},     {"EST.TIME", true},  {"EST.COST", true, 1},
      {"AGE", true, 5},  {"RAN", true, 6},    {"TEAM", false, 7},
      {"NODE", false, 8}};
  std::vector<std::vector<std::string>> rows;
  for (const json& job : jobs) {
    rows.push_back({text_field(job, "job_id"), text_field(job, "model_type"),
                    text_field(job, "priority"), text_field(job, "state"), whole(job, "position"),
                    whole(job, "epochs"), eta(job, now),
                    duration_text(number_field(job, "estimated_duration_seconds")),
                    money_field(job, "estimated_cost_microusd"),
                    age_text(text_field(job, "submitted_at"), now), ran(job, now),
                    text_field(job, "team"), text_field(job, "node")});
  }
  return table(columns, std::move(rows), width);
}

std::string queue_table(const json& jobs, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const json& job : jobs) {
    rows.push_back({whole(job, "position"), text_field(job, "job_id"),
                    text_field(job, "model_type"), text_field(job, "priority"),
                    whole(job, "epochs"),
                    duration_text(number_field(job, "estimated_duration_seconds")),
                    money_field(job, "estimated_cost_microusd")});
  }
  return table({{"POS", true},
                {"JOB"},
                {"MODEL", false, 1},
                {"PRIORITY"},
                {"EPOCHS", true, 3},
                {"EST.TIME", true},
                {"EST.COST", true, 2}},
               std::move(rows), width);
}

}  // namespace oppen::access
