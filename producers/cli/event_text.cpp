#include "producers/cli/event_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "producers/cli/recommendation_text.hpp"
#include "producers/cli/render.hpp"
#include "schemas/time.hpp"
#include "schemas/units.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

std::string where(const json& data) {
  const std::string node = text_field(data, "node");
  return node.empty() ? "" : " on " + node;
}

std::string ran_for(const json& data) {
  return data.contains("duration_seconds")
             ? "after " + duration_text(number_field(data, "duration_seconds"))
             : "before its container began";
}

std::string failure(const json& data, const char* text) {
  std::string out = text_field(data, "class");
  if (data.contains("exit_code"))
    out += fmt::format(", exit code {:.0f}", number_field(data, "exit_code"));
  const std::string message = text_field(data, text);
  return message.empty() ? out : out + ": " + message;
}

std::string queued(const json& data) {
  return fmt::format("position {:.0f}, expected wait {}, run {}, cost {}",
                     number_field(data, "position"),
                     duration_text(number_field(data, "estimated_wait_seconds")),
                     duration_text(number_field(data, "estimated_duration_seconds")),
                     money_field(data, "estimated_cost_microusd"));
}

std::string rejected(const json& data) {
  const std::string field = text_field(data, "field");
  return text_field(data, "code") + (field.empty() ? "" : " (" + field + ")") + ": " +
         text_field(data, "reason");
}

std::string duplicate(const json& data) {
  const bool conflict = data.contains("conflict") && data["conflict"] == true;
  return "first seen " + text_field(data, "first_seen") +
         (conflict ? ", with a different content: the first one stands"
                   : ", with the same content");
}

std::string requeued(const json& data) {
  const std::string retry = text_field(data, "retry_at");
  return text_field(data, "reason") + (retry.empty() ? "" : "; again from " + retry);
}

// "priority urgent, batch size 128"
std::string amended(const json& data) {
  std::string out;
  const json changes = data.value("changes", json::object());
  for (const auto& [field, value] : changes.items()) {
    std::string name = field;
    std::replace(name.begin(), name.end(), '_', ' ');
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    out += (out.empty() ? "" : ", ") + name + " " + (text.empty() ? "any" : text);
  }
  return out;
}

std::string amend_refused(const json& data) {
  const std::string why = text_field(data, "why");
  if (why == "unknown") return "is not known";
  if (why == "started" || why == "finished") return "has " + why + " already";
  const std::string field = text_field(data, "field");
  return "would be rejected, " + why + (field.empty() ? "" : " (" + field + ")") + ": " +
         text_field(data, "reason");
}

std::string cancelled(const json& data) {
  const std::string by = text_field(data, "requested_by");
  const std::string reason = text_field(data, "reason");
  return "was " + text_field(data, "was") + (by.empty() ? "" : ", by " + by) +
         (reason.empty() ? "" : ": " + reason);
}

std::string batch_queued(const json& data) {
  const std::size_t jobs = data.contains("jobs") ? data["jobs"].size() : 0;
  return fmt::format("{} jobs, estimated cost {}", jobs,
                     money_field(data, "estimated_cost_microusd"));
}

std::string batch_rejected(const json& data) {
  const json errors = data.value("errors", json::array());
  if (errors.empty()) return "";
  const json& first = errors.front();
  return text_field(first, "field") + " " + text_field(first, "reason") +
         (errors.size() > 1 ? fmt::format(" (and {} more)", errors.size() - 1) : "");
}

// "attempt 1: $0.0025 for 30s from 2026-01-03T18:15:00.000Z, T4"
std::string accrued(const json& data) {
  const auto from = text_field(data, "interval_start");
  const auto start = parse_rfc3339(from);
  const auto end = parse_rfc3339(text_field(data, "interval_end"));
  const double attempt = number_field(data, "attempt");
  std::string out = attempt > 0 ? fmt::format("attempt {:.0f}: ", attempt) : "";
  out += money_field(data, "total_microusd");
  if (start && end) {
    const bool correction = data.contains("correction") && data["correction"] == true;
    out += correction ? ", a correction from " + from
                      : " for " + duration_text(Seconds(*end - *start).count()) + " from " + from;
  }
  const auto gpu_type = text_field(data, "gpu_type");
  if (!gpu_type.empty()) out += ", " + gpu_type;
  return out + (data.contains("final") && data["final"] == true ? ", the last one" : "");
}

// Of an alert.
std::string label_of(const json& data, const char* name) {
  const auto labels = data.is_object() ? data.find("labels") : data.end();
  return labels == data.end() ? "" : text_field(*labels, name);
}

// "spot: saves 68.5 to 70 %, $0.0140 to $0.0144 (medium): oppen submit ..."
std::string recommended(const json& data) {
  const auto action = data.find("action");
  const auto command = action == data.end() ? "" : text_field(*action, "command");
  return text_field(data, "strategy") + ": saves " + savings_text(data) + " (" +
         text_field(data, "confidence") + ")" + (command.empty() ? "" : ": " + command);
}

// "firing, critical: Daily cost spike: ...; oppen approve limit-1"
std::string alerted(const json& data) {
  const auto state = text_field(data, "state");
  const auto proposal = text_field(data, "proposal_id");
  return state + (state == "resolved" ? "" : ", " + text_field(data, "severity")) + ": " +
         text_field(data, "summary") +
         (proposal.empty() || state == "resolved" ? "" : "; oppen approve " + proposal);
}

}  // namespace

std::string fault_text(const json& fault) {
  const double index = number_field(fault, "index", -1);
  const std::string field = text_field(fault, "field");
  std::string where =
      index < 0 ? "the batch" : "jobs[" + std::to_string(static_cast<long long>(index)) + "]";
  if (!field.empty()) where += index < 0 ? " (" + field + ")" : "." + field;
  return where + ": " + text_field(fault, "reason");
}

std::string text_field(const json& object, const char* name, const std::string& fallback) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : fallback;
}

double number_field(const json& object, const char* name, double fallback) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_number() ? found->get<double>() : fallback;
}

std::string money_field(const json& object, const char* name) {
  return to_string(MicroUsd{static_cast<std::int64_t>(number_field(object, name))});
}

std::string small_money_field(const json& object, const char* name) {
  constexpr int decimals = 4;
  constexpr int most_decimals = 12;
  const double dollars = number_field(object, name) / 1e6;
  if (!(dollars > 0)) return money_field(object, name);
  const auto shown = static_cast<int>(-std::floor(std::log10(dollars))) + 1;
  if (shown <= decimals) return money_field(object, name);
  return fmt::format("${:.{}f}", dollars, std::min(shown, most_decimals));
}

std::string short_type(const std::string& type) {
  std::string name = type;
  if (name.starts_with("dev.oppen.")) name.erase(0, 10);
  const auto version = name.rfind(".v");
  return version == std::string::npos ? name : name.substr(0, version);
}

json event_json(const CloudEvent& event) {
  json out = event.data.is_object() ? event.data : json::object();
  out["event"] = short_type(event.type);
  out["time"] = to_rfc3339(event.time);
  return out;
}

std::string event_details(const CloudEvent& event) {
  using Describe = std::string (*)(const json&);
  static const std::map<std::string, Describe> by_type = {
      {"job.queued", queued},
      {"job.rejected", rejected},
      {"job.duplicate", duplicate},
      {"job.launched", [](const json& data) { return "pod " + text_field(data, "pod"); }},
      {"job.started",
       [](const json& data) { return "pod " + text_field(data, "pod") + where(data); }},
      {"job.succeeded", [](const json& data) { return ran_for(data) + where(data); }},
      {"job.failed",
       [](const json& data) {
         return ran_for(data) + where(data) + ": " + failure(data, "message");
       }},
      {"job.requeued", requeued},
      {"job.cancelled", cancelled},
      {"job.cancel-refused", [](const json& data) { return text_field(data, "why"); }},
      {"job.amended", amended},
      {"job.amend-refused", amend_refused},
      {"cost.accrued", accrued},
      {"cost.recommendation", recommended},
      {"alert", alerted},
      {"batch.queued", batch_queued},
      {"batch.rejected", batch_rejected},
      {"batch.duplicate", duplicate}};
  const auto found = by_type.find(short_type(event.type));
  return found == by_type.end() || !event.data.is_object() ? "" : found->second(event.data);
}

std::string job_or_run_of(const json& data) {
  return text_field(data, "job_id", text_field(data, "run_id", label_of(data, "job_id")));
}

std::string team_of(const json& data) { return text_field(data, "team", label_of(data, "team")); }

std::string event_line(const CloudEvent& event) {
  const std::string about = job_or_run_of(event.data);
  const std::string id =
      about.empty() ? text_field(event.data, "batch_id", text_field(event.data, "fingerprint"))
                    : about;
  const std::string details = event_details(event);
  return printable(fmt::format("{}  {}  {}{}", to_rfc3339(event.time), id, short_type(event.type),
                               details.empty() ? "" : "  " + details));
}

}  // namespace oppen::cli
