#include "workers/cost/ledger/attempt.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace oppen::cost {
namespace {

using nlohmann::json;

void put(json& into, const char* name, const std::optional<Time>& time) {
  if (time) into[name] = time->time_since_epoch().count();
}

std::optional<Time> time_of(const json& from, const char* name) {
  const auto found = from.find(name);
  if (found == from.end()) return std::nullopt;
  return Time(std::chrono::milliseconds(found->get<std::int64_t>()));
}

json bearer_json(const Bearer& bearer) {
  const auto& [usage, pod, pod_namespace, model_type, workload_type, team, project, node] = bearer;
  const auto& resources = usage.resources;
  return {resources.gpus,
          resources.gpu_share ? json(*resources.gpu_share) : json(),
          resources.gpu_type,
          resources.cpu_millicores,
          resources.memory_bytes,
          usage.gpu_type,
          static_cast<int>(usage.priority),
          usage.spot,
          pod,
          pod_namespace,
          model_type,
          workload_type,
          team,
          project,
          node};
}

Bearer bearer_of(const json& from) {
  Bearer bearer;
  auto& resources = bearer.usage.resources;
  from.at(0).get_to(resources.gpus);
  if (!from.at(1).is_null()) resources.gpu_share = from.at(1).get<double>();
  from.at(2).get_to(resources.gpu_type);
  from.at(3).get_to(resources.cpu_millicores);
  from.at(4).get_to(resources.memory_bytes);
  from.at(5).get_to(bearer.usage.gpu_type);
  bearer.usage.priority = all_priorities[std::clamp(from.at(6).get<int>(), 0, 2)];
  from.at(7).get_to(bearer.usage.spot);
  std::size_t at = 8;
  for (auto* text : {&bearer.pod, &bearer.pod_namespace, &bearer.model_type, &bearer.workload_type,
                     &bearer.team, &bearer.project})
    from.at(at++).get_to(*text);
  if (at < from.size()) from.at(at).get_to(bearer.node);  // of those that were stored with it
  return bearer;
}

json attempt_json(const Attempt& attempt) {
  json into = json::object();
  put(into, "s", attempt.started_at);
  put(into, "e", attempt.ended_at);
  put(into, "o", attempt.over_by);
  // One that is charged whole is charged to its end.
  if (!attempt.final || attempt.until != attempt.ended_at) put(into, "u", attempt.until);
  if (attempt.end_seq != 0) into["q"] = attempt.end_seq;
  if (attempt.corrections != 0) into["n"] = attempt.corrections;
  if (attempt.final) into["f"] = 1;
  into["c"] = {attempt.charged.gpu.value, attempt.charged.cpu.value, attempt.charged.memory.value};
  // What can change one that has been charged whole to its end is an event that brings its own.
  const bool done = attempt.final && attempt.ended_at;
  if (attempt.bearer && !done) into["b"] = bearer_json(*attempt.bearer);
  return into;
}

Attempt attempt_of(const json& from) {
  Attempt attempt;
  attempt.started_at = time_of(from, "s");
  attempt.ended_at = time_of(from, "e");
  attempt.over_by = time_of(from, "o");
  attempt.until = time_of(from, "u");
  attempt.end_seq = from.value("q", std::int64_t{0});
  attempt.corrections = from.value("n", 0);
  attempt.final = from.contains("f");
  if (attempt.final && !attempt.until) attempt.until = attempt.ended_at;
  const auto& charged = from.at("c");
  charged.at(0).get_to(attempt.charged.gpu.value);
  charged.at(1).get_to(attempt.charged.cpu.value);
  charged.at(2).get_to(attempt.charged.memory.value);
  attempt.charged.total = attempt.charged.gpu + attempt.charged.cpu + attempt.charged.memory;
  if (const auto bearer = from.find("b"); bearer != from.end()) attempt.bearer = bearer_of(*bearer);
  attempt.stale = !attempt.final;
  return attempt;
}

}  // namespace

std::optional<Time> Job::end_of(int number) const {
  const auto& attempt = attempts.at(number);
  if (attempt.ended_at) return attempt.ended_at;
  auto end = attempt.over_by;
  for (auto later = attempts.upper_bound(number); later != attempts.end(); ++later) {
    const auto& began = later->second.started_at;
    if (began && (!end || *began < *end)) end = began;
  }
  return end;
}

bool Job::settled() const {
  return std::all_of(attempts.begin(), attempts.end(), [](const auto& one) {
    // Of one that only its charges are known of, nothing can be charged.
    return one.second.final || !one.second.started_at;
  });
}

std::string encode(const Job& job) {
  json all = json::array();
  for (const auto& [number, attempt] : job.attempts) all.push_back({number, attempt_json(attempt)});
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Job> decode_job(std::string_view text) {
  try {
    Job job;
    for (const auto& one : json::parse(text))
      job.attempts.emplace(one.at(0).get<int>(), attempt_of(one.at(1)));
    return job;
  } catch (const json::exception& error) {
    return fail(ErrorKind::fatal,
                std::string("a job of the ledger in Redis is broken: ") + error.what());
  }
}

}  // namespace oppen::cost
