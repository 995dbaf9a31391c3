#include "workers/console/health.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "schemas/shown_url.hpp"
#include "schemas/text.hpp"

namespace oppen::console {
namespace {

using nlohmann::json;

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// Its own part first, then those of what it depends on.
std::vector<Part> ready_parts(const std::string& name, const std::string& answer,
                              const std::string& where) {
  const json body = json::parse(answer, nullptr, false);
  if (!body.is_object() || !body.contains("ready") || !body["ready"].is_boolean())
    return {{name, false, "what answers at " + where + " is no Oppen worker"}};
  std::vector<Part> parts{{name, body["ready"].get<bool>(), "ready"}};
  if (!parts[0].ok) parts[0].detail = "not ready";
  const json dependencies = body.value("dependencies", json::object());
  for (const auto& [dependency, state] : dependencies.items()) {
    const std::string text = text_of(state);
    const bool ok = text == "ok";
    if (!ok) parts[0].detail += "; " + dependency + ": " + text;
    parts.push_back({dependency, ok, ok ? "answers the " + name : text});
  }
  return parts;
}

// Of the parts of what a worker depends on, this one alone.
void keep_dependency(std::vector<Part>& parts, std::string_view name) {
  std::erase_if(parts,
                [&](const Part& part) { return &part != &parts.front() && part.name != name; });
}

}  // namespace

json health_json(const std::vector<Part>& parts) {
  json list = json::array();
  for (const Part& part : parts) {
    list.push_back({{"name", part.name}, {"ok", part.ok}, {"detail", part.detail}});
    if (part.lag) list.back()["lag"] = *part.lag;
  }
  return {{"ok", std::all_of(parts.begin(), parts.end(), [](const Part& part) { return part.ok; })},
          {"parts", std::move(list)}};
}

std::vector<Part> scheduler_parts(const Result<std::string>& answer, const std::string& url) {
  const std::string where = shown_url(url) + " (setting OPPEN_SCHEDULER_URL)";
  if (!answer) {
    return {{"scheduler", false, "no answer from " + where + ": " + answer.error().message}};
  }
  auto parts = ready_parts("scheduler", *answer, where);
  keep_dependency(parts, "kafka");
  return parts;
}

std::vector<Part> worker_parts(const std::string& name, const Result<std::string>& answer,
                               const std::string& metrics, const std::string& url) {
  const std::string where = url + " (setting OPPEN_WORKER_URLS)";
  if (!answer) return {{name, false, "no answer from " + where + ": " + answer.error().message}};
  auto parts = ready_parts(name, *answer, where);
  keep_dependency(parts, "mlflow");
  parts[0].lag = lag_in(metrics);
  return parts;
}

std::optional<std::int64_t> lag_in(std::string_view metrics) {
  constexpr std::string_view metric = "oppen_consumer_lag{";
  std::optional<std::int64_t> lag;
  while (!metrics.empty()) {
    const auto end = std::min(metrics.find('\n'), metrics.size());
    const auto line = metrics.substr(0, end);
    metrics.remove_prefix(std::min(end + 1, metrics.size()));
    const auto blank = line.rfind(' ');
    if (!line.starts_with(metric) || blank == std::string_view::npos) continue;
    double value = 0;
    const auto [rest, code] = std::from_chars(line.data() + blank + 1, line.data() + end, value);
    // No more than a double counts one by one.
    if (code == std::errc{} && rest == line.data() + end && std::abs(value) < 0x1p53)
      lag = lag.value_or(0) + std::llround(value);
  }
  return lag;
}

Result<std::vector<std::pair<std::string, std::string>>> worker_urls(const std::string& setting) {
  std::vector<std::pair<std::string, std::string>> workers;
  for (std::size_t begin = 0; begin < setting.size();) {
    const auto end = std::min(setting.find(',', begin), setting.size());
    const std::string one = setting.substr(begin, end - begin);
    // Health tells the URL to everybody. Nor is it shown here.
    const auto host = one.find("://") == std::string::npos ? 0 : one.find("://") + 3;
    if (one.substr(host, one.find_first_of("/?#", host) - host).find('@') != std::string::npos) {
      return fail(ErrorKind::invalid,
                  "worker-urls (OPPEN_WORKER_URLS), part " + std::to_string(workers.size() + 1) +
                      ": a URL with a user or a password is refused, as health would show it");
    }
    const auto equals = one.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == one.size()) {
      return fail(ErrorKind::invalid,
                  "worker-urls (OPPEN_WORKER_URLS) has \"" + shortened(one) +
                      "\": expected NAME=URL, as in cost=http://127.0.0.1:8082");
    }
    workers.emplace_back(one.substr(0, equals), one.substr(equals + 1));
    while (workers.back().second.ends_with('/')) workers.back().second.pop_back();
    begin = end + 1;
  }
  return workers;
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
