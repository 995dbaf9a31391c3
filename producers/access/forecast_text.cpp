#include "producers/access/forecast_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "producers/access/event_text.hpp"
#include "producers/access/render.hpp"

namespace oppen::access {
namespace {

using nlohmann::json;

std::optional<Time> time_field(const json& object, const char* name) {
  const auto time = parse_rfc3339(text_field(object, name));
  return time ? std::optional(*time) : std::nullopt;
}

std::string plural(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// The same with the time of day: "in 4m 10s (2026-01-03T18:15:00Z)"
std::string moment(const std::optional<Time>& time, Time now) {
  const auto when = from_now(time, now);
  if (when.empty() || when == "now") return when;
  const auto text = to_rfc3339(*time);
  return when + " (" + text.substr(0, text.find('.')) + "Z)";
}

std::string ago(const json& object, const char* name, Time now) {
  const auto time = time_field(object, name);
  return time ? " " + duration_text(Seconds(now - *time).count()) + " ago" : "";
}

std::string because(const std::string& message) { return message.empty() ? "" : ": " + message; }

// Why it waits, behind its id.
std::string waiting_sentence(const json& job) {
  return text_field(job.value("reason", json::object()), "sentence", "is launched next");
}

// What there is to say of the job, behind its id.
std::string sentence(const json& job, Time now) {
  const auto state = text_field(job, "state");
  const auto message = because(text_field(job, "message"));
  if (state == "queued") return waiting_sentence(job);
  if (state == "launching") return "is being launched";
  if (state == "running") {
    const auto started = time_field(job, "started_at");
    return "is running" +
           (started ? ", for " + duration_text(Seconds(now - *started).count()) : "");
  }
  if (state == "cancelling") return "is being cancelled";
  const auto when = ago(job, "ended_at", now);
  if (state == "succeeded") return "has succeeded" + when;
  if (state == "failed")
    return "has failed" + when + " (" + text_field(job, "class", "unknown") + ")" + message;
  if (state == "cancelled") return "was cancelled" + when + message;
  return "was rejected" + when + message;
}

void line(std::string& out, const std::string& label, const std::string& text) {
  if (!text.empty()) out += fmt::format("  {:<9} {}\n", label, text);
}

// Of a queued job.
LabelledTexts expected_times(const json& job, Time now) {
  const auto start = time_field(job, "start_p50");
  const auto late = time_field(job, "start_p90");
  LabelledTexts texts = {{"Start", start ? moment(start, now) : "can't be known yet"}};
  if (late && late != start)
    texts.emplace_back("At latest", moment(late, now) + ", in 9 cases of 10");
  if (auto end = moment(time_field(job, "end_p50"), now); !end.empty())
    texts.emplace_back("End", std::move(end));
  return texts;
}

// "$0.0205 for a run of 4m 10s"
std::string cost_text(const json& job) {
  return money_field(job, "estimated_cost_microusd") + " for a run of " +
         duration_text(number_field(job, "estimated_duration_seconds"));
}

}  // namespace

std::string outdated_text(const json& answer) {
  const auto why = text_field(answer, "outdated");
  return why.empty() ? "" : "Not of now: " + printable(why) + ".\n";
}

LabelledTexts outlook_of(const json& job) {
  constexpr std::string_view waits = "waits ";
  auto why = printable(waiting_sentence(job));
  const bool plain = why.starts_with(waits);
  if (plain) why.erase(0, waits.size());
  LabelledTexts texts = {{plain ? "Waits" : "Outlook", std::move(why)}};
  auto times = expected_times(job, time_field(job, "as_of").value_or(Time{}));
  std::move(times.begin(), times.end(), std::back_inserter(texts));
  if (const auto outdated = text_field(job, "outdated"); !outdated.empty())
    texts.emplace_back("Not of now", printable(outdated));
  return texts;
}

std::string explanation_text(const json& job) {
  const Time now = time_field(job, "as_of").value_or(Time{});
  const auto state = text_field(job, "state");
  std::string out = printable(text_field(job, "job_id") + " " + sentence(job, now)) + "\n";
  if (state == "queued") {
    if (job.contains("position"))
      line(out, "Position", fmt::format("{:.0f}", number_field(job, "position")));
    for (const auto& [label, text] : expected_times(job, now)) line(out, label, text);
    line(out, "Cost", cost_text(job));
  } else if (state == "running" || state == "launching") {
    const auto end = time_field(job, "end_p50");
    line(out, "End", end ? moment(end, now) : "any moment: it takes longer than was estimated");
    line(out, "Cost", cost_text(job));
  }
  return out + outdated_text(job);
}

std::string simulation_text(const json& simulation, int limit, int width) {
  const Time now = time_field(simulation, "as_of").value_or(Time{});
  const auto jobs = simulation.value("jobs", json::array());
  std::optional<Time> first;
  std::optional<Time> last;
  bool all_known = true;
  for (const auto& job : jobs) {
    const auto start = time_field(job, "start_p50");
    const auto end = time_field(job, "end_p50");
    all_known = all_known && start && end;
    if (start) first = std::min(first.value_or(*start), *start);
    if (end) last = std::max(last.value_or(*end), *end);
  }
  std::string out = outdated_text(simulation) + plural(jobs.size(), "job") + ": ";
  if (first) out += "the first starts " + moment(first, now) + ", ";
  out += all_known ? "the last ends " + moment(last, now) : "not for all it is known when they end";
  out += ", " + money_field(simulation, "estimated_cost_microusd") + " in all.\n";
  const auto held = text_field(simulation, "held");
  if (!held.empty()) out += "Nothing is launched at present: " + printable(held) + ".\n";

  const auto delayed = simulation.value("delayed", json::object());
  const auto late = static_cast<std::size_t>(number_field(delayed, "jobs"));
  if (late == 0) {
    out += "No job that waits already would start later.\n";
  } else {
    out += fmt::format(
        "{} that wait{} already would start later, by {} on average and {} at most ({}).\n",
        plural(late, "job"), late == 1 ? "s" : "",
        duration_text(number_field(delayed, "mean_seconds")),
        duration_text(number_field(delayed, "longest_seconds")),
        printable(text_field(delayed, "longest_job_id")));
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& job : jobs) {
    if (static_cast<int>(rows.size()) == limit) break;
    const auto start = from_now(time_field(job, "start_p50"), now);
    rows.push_back({fmt::format("{:.0f}", number_field(job, "position")), text_field(job, "job_id"),
                    text_field(job, "priority"), start.empty() ? "not known" : start,
                    from_now(time_field(job, "start_p90"), now),
                    from_now(time_field(job, "end_p50"), now),
                    duration_text(number_field(job, "estimated_duration_seconds")),
                    money_field(job, "estimated_cost_microusd")});
  }
  out += '\n' + table({{"POS", true, 2},
                       {"JOB"},
                       {"PRIORITY", false, 3},
                       {"START"},
                       {"9 IN 10", false, 4},
                       {"END"},
                       {"EST.TIME", true, 5},
                       {"EST.COST", true, 1}},
                      std::move(rows), width);
  if (static_cast<int>(jobs.size()) > limit) {
    out += fmt::format("... and {} more: --limit {} shows all\n",
                       jobs.size() - static_cast<std::size_t>(limit), jobs.size());
  }
  return out;
}

}  // namespace oppen::access
