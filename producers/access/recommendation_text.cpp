#include "producers/access/recommendation_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "producers/access/event_text.hpp"
#include "producers/access/render.hpp"

namespace oppen::access {
namespace {

using nlohmann::json;

std::string one_or_both(const std::string& low, const std::string& high) {
  return low == high ? low : low + " to " + high;
}

// null where there is none, of which a field is absent.
json part_of_recommendation(const json& one, const char* name) {
  const auto found = one.find(name);
  return found == one.end() ? json() : *found;
}

std::string one_text(const json& one) {
  const json evidence = part_of_recommendation(one, "evidence");
  const json action = part_of_recommendation(one, "action");
  const auto because = text_field(evidence, "confidence_because");
  std::string out = text_field(one, "strategy") + ": saves " + savings_text(one) + "\n";
  const auto put = [&out](const char* label, const std::string& text) {
    if (!text.empty()) out += fmt::format("  {:<10} {}\n", label, printable(text));
  };
  put("What", text_field(one, "description"));
  put("Confidence", text_field(one, "confidence") + (because.empty() ? "" : ": " + because));
  put("Risk", text_field(one, "risk"));
  put("Command", text_field(action, "command"));
  return out;
}

}  // namespace

std::string savings_text(const json& recommendation) {
  const json percent = part_of_recommendation(recommendation, "savings_percent");
  const json money = part_of_recommendation(recommendation, "savings_microusd");
  return one_or_both(fmt::format("{:g}", number_field(percent, "low")),
                     fmt::format("{:g}", number_field(percent, "high"))) +
         " %, " + one_or_both(small_money_field(money, "low"), small_money_field(money, "high"));
}

std::string recommendations_text(const json& answer) {
  const auto id = text_field(answer, "job_id", text_field(answer, "run_id"));
  const auto name = text_field(answer, "name");
  const auto state = text_field(answer, "state");
  std::string out = printable(id + (name.empty() || name == id ? "" : " (" + name + ")"));
  if (!answer.value("ended", false)) {
    return out + " has not ended (" + state +
           "): what could be saved on it is known once it has succeeded.\n";
  }
  out += " has cost " + money_field(answer, "total_microusd");
  if (state != "succeeded")
    return out + ", and is " + state + ": only of runs that succeeded something is recommended.\n";
  const auto all = answer.value("recommendations", json::array());
  if (all.empty()) return out + ", and nothing is known that would save at least 1 % of that.\n";
  out += all.size() == 1 ? ". What would have been cheaper:\n"
                         : ". What would have been cheaper, each by itself:\n";
  for (const auto& one : all) out += '\n' + one_text(one);
  return out;
}

}  // namespace oppen::access
