#include "workers/console/health.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace oppen::console {
namespace {

using nlohmann::json;

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

json health_json(const std::vector<Part>& parts) {
  json list = json::array();
  for (const Part& part : parts)
    list.push_back({{"name", part.name}, {"ok", part.ok}, {"detail", part.detail}});
  return {{"ok", std::all_of(parts.begin(), parts.end(), [](const Part& part) { return part.ok; })},
          {"parts", std::move(list)}};
}

std::vector<Part> scheduler_parts(const Result<std::string>& answer, const std::string& url) {
  const std::string where = url + " (setting OPPEN_SCHEDULER_URL)";
  if (!answer) {
    return {{"scheduler", false, "no answer from " + where + ": " + answer.error().message}};
  }
  const json body = json::parse(*answer, nullptr, false);
  if (!body.is_object() || !body.contains("ready") || !body["ready"].is_boolean()) {
    return {{"scheduler", false, "what answers at " + where + " is no Oppen worker"}};
  }
  std::vector<Part> parts{{"scheduler", body["ready"].get<bool>(), "ready"}};
  if (!parts[0].ok) parts[0].detail = "not ready";
  const json dependencies = body.value("dependencies", json::object());
  for (const auto& [name, state] : dependencies.items()) {
    const std::string text = text_of(state);
    const bool ok = text == "ok";
    if (!ok) parts[0].detail += "; " + name + ": " + text;
    if (name == "kafka") parts.push_back({name, ok, ok ? "answers the scheduler" : text});
  }
  return parts;
}

Part leader_part(QueueView& queue) {
  const auto leader = queue.leader();
  if (!leader && leader.error().kind == ErrorKind::not_found) {
    return {"leader", false, "no scheduler has led yet: start oppen-scheduler"};
  }
  if (!leader) return {"leader", false, leader.error().message};
  return {"leader", true,
          text_of(leader->value("instance", json(""))) + " leads, epoch " +
              text_of(leader->value("epoch", json(0)))};
}

}  // namespace oppen::console
