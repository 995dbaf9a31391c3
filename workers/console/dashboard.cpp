#include "workers/console/dashboard.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>

#include "workers/console/alerts_json.hpp"
#include "workers/console/job_json.hpp"
#include "workers/console/listing.hpp"
#include "workers/console/queue_status.hpp"

namespace oppen::console {
namespace {

using nlohmann::json;

constexpr auto fresh =
    std::chrono::seconds(1);  // so that who asks every 2 seconds always sees something new
constexpr std::size_t most_groups = 5;  // of teams, and of model types; the dearest

json missing(const Error& error) {
  return {{"error", {{"code", to_string(error.kind)}, {"message", error.message}}}};
}

json part_or_error(Result<json> part) { return part ? *std::move(part) : missing(part.error()); }

// The dearest first.
json groups_json(const std::map<std::string, std::int64_t>& spent) {
  std::vector<std::pair<std::string, std::int64_t>> groups(spent.begin(), spent.end());
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  json list = json::array();
  for (const auto& [key, microusd] : groups) {
    if (list.size() == most_groups) break;
    list.push_back({{"key", key}, {"total_microusd", microusd}});
  }
  return list;
}

MicroUsd hourly_of(const queue::JobRecord& job, const pricing::RateHistory& rates, Time now) {
  return pricing::hourly({job.resources(), job.gpu_type, job.priority, job.spec.spot}, now,
                         rates.at(now));
}

bool is_charged_now(const queue::JobRecord& job) {
  return job.started_at && !job.ended_at && job.state != JobState::launching;
}

json amounts_json(std::int64_t gpus, std::int64_t cpu_millicores, std::int64_t memory_bytes) {
  return {{"gpus", gpus},
          {"cpu", format_millicores(cpu_millicores)},
          {"memory", format_bytes(memory_bytes)}};
}

std::string gpu_type_of(const std::string& product, const plan::Policy& policy) {
  for (const auto& [type, label] : policy.gpu_products) {
    if (label == product) return type;
  }
  return product;
}

// `live`, nullptr where the queue cannot be had: then what is in use is not known.
json cluster_part(const Result<ClusterRoom>& room, const std::vector<queue::JobRecord>* live,
                  const plan::Policy& policy, int limit) {
  std::map<std::string, plan::Amounts> used;
  plan::Amounts in_use;
  if (live != nullptr) {
    for (const auto& job : *live) {
      in_use += job.amounts();
      if (!job.node.empty()) used[job.node] += job.amounts();
    }
  }
  json part = json::object();
  if (live != nullptr)
    part["in_use"] = amounts_json(in_use.gpus, in_use.cpu_millicores, in_use.memory_bytes);
  if (!room) {
    part.update(missing(room.error()));
    return part;
  }
  NodeRoom all;
  std::vector<const NodeRoom*> nodes;
  for (const auto& node : room->nodes) {
    nodes.push_back(&node);
    if (!node.ready) continue;
    all.gpus += node.gpus;
    all.cpu_millicores += node.cpu_millicores;
    all.memory_bytes += node.memory_bytes;
  }
  std::stable_sort(nodes.begin(), nodes.end(), [&used](const auto* a, const auto* b) {
    return used.contains(a->name) > used.contains(b->name);
  });
  json list = json::array();
  for (const auto* node : nodes) {
    if (list.size() == static_cast<std::size_t>(limit)) break;
    list.push_back(
        {{"node", node->name},
         {"ready", node->ready},
         {"allocatable", amounts_json(node->gpus, node->cpu_millicores, node->memory_bytes)}});
    if (live != nullptr) {
      const auto& taken = used[node->name];
      list.back()["pods"] = taken.pods;
      list.back()["in_use"] = amounts_json(taken.gpus, taken.cpu_millicores, taken.memory_bytes);
    }
    if (!node->gpu_product.empty())
      list.back()["gpu_type"] = gpu_type_of(node->gpu_product, policy);
  }
  part["known"] = amounts_json(all.gpus, all.cpu_millicores, all.memory_bytes);
  part["node_count"] = nodes.size();
  part["all_nodes"] = room->all;
  part["nodes"] = std::move(list);
  return part;
}

void add_measured(json& pod, const cost::RunRecord& run) {
  pod["spent_microusd"] = run.spent.total_microusd;
  const auto set = [&pod](const char* name, const std::optional<double>& value) {
    if (value) pod[name] = *value;
  };
  set("gpu_utilization_percent", run.gpu_utilization_percent);
  set("cpu_cores_mean", run.cpu_cores_mean);
  set("memory_max_bytes", run.memory_max_bytes);
}

}  // namespace

Result<Dashboard::Basis> Dashboard::basis() {
  Basis basis;
  auto counters = queue_.counters();
  if (!counters) return fail(counters.error());
  basis.counters = *std::move(counters);
  auto rules = costs_.in_force();
  if (!rules) return fail(rules.error());
  basis.rules = *std::move(rules);
  auto live = all_live(queue_);
  if (!live) return fail(live.error());
  basis.live = *std::move(live);
  return basis;
}

Result<json> Dashboard::queue_part(const Basis& basis, int limit) {
  auto leader = queue_.leader();
  if (!leader && leader.error().kind != ErrorKind::not_found) return fail(leader.error());
  const auto listed = list_jobs(queue_, {"queued"}, {"", limit});
  if (!listed) return fail(listed.error());
  json part = queue_status(basis.counters, basis.rules.policy, basis.live,
                           leader ? *leader : json(nullptr), clock_.now());
  part["jobs"] = listed->at("jobs");
  return part;
}

Result<json> Dashboard::costs_part(const Basis& basis, Time now) {
  const auto today = std::chrono::floor<std::chrono::days>(now);
  const auto month = cost::parse_range({}, now);
  if (!month) return fail(month.error());
  const auto rows = books_.days(month->from, month->to);
  if (!rows) return fail(rows.error());
  cost::Spent of_today;
  cost::Spent of_month;
  std::map<std::string, std::int64_t> by_team;
  std::map<std::string, std::int64_t> by_model;
  for (const auto& [key, spent] : *rows) {
    of_month += spent;
    if (key.day == today) of_today += spent;
    by_team[key.team] += spent.total_microusd;
    by_model[key.model_type] += spent.total_microusd;
  }
  const auto runs = books_.runs_on(today);
  if (!runs) return fail(runs.error());
  json day = {{"day", cost::to_text(today)},
              {"total_microusd", of_today.total_microusd},
              {"run_seconds", static_cast<double>(of_today.run_ms) / 1'000},
              {"runs", *runs}};
  MicroUsd pending;
  for (const auto& cost : basis.counters.pending_cost) pending += cost;
  MicroUsd hourly;
  for (const auto& job : basis.live) {
    if (is_charged_now(job)) hourly += hourly_of(job, basis.rules.rates, now);
  }
  return json{{"today", std::move(day)},
              {"month",
               {{"from", cost::to_text(month->from)},
                {"total_microusd", of_month.total_microusd},
                {"run_seconds", static_cast<double>(of_month.run_ms) / 1'000},
                {"by_team", groups_json(by_team)},
                {"by_model", groups_json(by_model)}}},
              {"hourly_microusd", hourly.value},
              {"pending_microusd", pending.value}};
}

Result<json> Dashboard::alerts_part(int limit, Time now) {
  const auto known = alerts_();
  if (!known) return fail(known.error());
  json alerts = alerts_json(*known, "firing", now)["alerts"];
  json part = {{"firing", alerts.size()}};
  for (const auto* const severity : {"critical", "warning", "info"})
    part[severity] = std::count_if(alerts.begin(), alerts.end(), [severity](const json& alert) {
      return alert.value("severity", "") == severity;
    });
  const auto most = static_cast<std::size_t>(limit);
  if (alerts.size() > most)
    alerts.erase(alerts.begin() + static_cast<std::ptrdiff_t>(most), alerts.end());
  part["alerts"] = std::move(alerts);
  return part;
}

Result<json> Dashboard::pods_part(const Basis& basis, int limit, Time now) {
  const std::span listed(basis.live.data(),
                         std::min(basis.live.size(), static_cast<std::size_t>(limit)));
  std::vector<std::string> ids;
  for (const auto& job : listed) ids.push_back(job.spec.job_id);
  const auto runs = books_.jobs(ids);
  if (!runs) return fail(runs.error());
  std::map<std::string_view, const cost::RunRecord*> run_of;
  for (const auto& run : *runs) run_of[run.job_id] = &run;
  json list = json::array();
  for (const auto& job : listed) {
    json pod = job_summary(job, std::nullopt);
    pod["pod"] = job.pod_name();
    if (!job.gpu_type.empty()) pod["gpu_type"] = job.gpu_type;
    if (job.started_at) pod["running_seconds"] = Seconds(now - *job.started_at).count();
    if (is_charged_now(job)) pod["hourly_microusd"] = hourly_of(job, basis.rules.rates, now).value;
    const auto run = run_of.find(job.spec.job_id);
    if (run != run_of.end()) add_measured(pod, *run->second);
    list.push_back(std::move(pod));
  }
  return json{{"total", basis.live.size()}, {"pods", std::move(list)}};
}

json Dashboard::show(int limit) {
  const std::lock_guard lock(mutex_);
  const auto age = clock_.now() - shown_at_;
  if (limit != shown_limit_ || age < age.zero() || age >= fresh) {
    shown_ = look(limit);
    shown_limit_ = limit;
    shown_at_ = clock_.now();
  }
  return shown_;
}

json Dashboard::look(int limit) {
  // What is asked over the network may take a while, and each by itself.
  auto parts = std::async(std::launch::async, parts_);
  auto nodes = std::async(std::launch::async, nodes_);
  const Time now = clock_.now();
  const auto basis = this->basis();
  json body = {{"generated_at", to_rfc3339(now)}};
  // All of them are in the same Redis: one that does not answer is not waited for again.
  std::optional<Error> away;
  const auto add = [&](const char* name, const auto& ask) {
    auto part = away ? Result<json>(fail(*away)) : ask();
    if (!part && part.error().kind == ErrorKind::unavailable) away = part.error();
    body[name] = part_or_error(std::move(part));
  };
  if (!basis) away = basis.error();
  add("queue", [&] { return queue_part(*basis, limit); });
  add("costs", [&] { return costs_part(*basis, now); });
  add("pods", [&] { return pods_part(*basis, limit, now); });
  add("alerts", [&] { return alerts_part(limit, now); });
  body["cluster"] = cluster_part(nodes.get(), basis ? &basis->live : nullptr,
                                 basis ? basis->rules.policy : plan::Policy{}, limit);
  body["health"] = health_json(parts.get());
  return body;
}

}  // namespace oppen::console
