#include "workers/cost/store/advice_change.hpp"

#include <fmt/format.h>

namespace oppen::cost {
namespace {

using runtime::Redis;

// Some passes of who reports runs for others (oppen-mlflow).
constexpr std::chrono::milliseconds wait_for_report = std::chrono::minutes(1);

// What it has been measured and charged is in its record: only what it reports of itself may be missing.
void add_due(Redis::Args& args, const std::string& id, Run& run) {
  const auto& record = run.record;
  if (record.state != "succeeded" || !record.ended_at) return;
  const bool reported = run.reported && (*run.reported == 0 || *run.reported >= record.attempts);
  if (run.advice_due && !reported) return;
  const auto wait = reported ? std::chrono::milliseconds(0) : wait_for_report;
  args.insert(args.end(), {"W", id, std::to_string(wait.count()), run.advice_due ? "" : "1"});
  run.advice_due = true;
}

void add_advised(Redis::Args& args, const Advised& advised) {
  args.insert(args.end(), {"V", advised.id});
  for (const auto& one : advised.followed) {
    args.insert(args.end(), {"F", advised.model_type, one.place, one.text, one.strategy,
                             one.kept ? "1" : "0", fmt::format("{:.3f}", one.saved_percent)});
  }
  const auto ended = std::to_string(advised.ended_at.time_since_epoch().count());
  for (const auto& one : advised.given)
    args.insert(args.end(), {"G", advised.model_type, one.place, ended, one.text});
}

}  // namespace

void add_advice(Redis::Args& args, const Change& change) {
  for (const auto& [id, job] : change.jobs) {
    if (job->settled()) add_due(args, id, job->run);
  }
  for (const auto& one : change.advised) add_advised(args, one);
}

Result<std::vector<std::string>> LedgerStore::due_for_advice(int partition, Time now,
                                                             std::size_t limit) {
  const auto reply = redis_.command(
      {"ZRANGEBYSCORE", prefix_ + "advise:" + std::to_string(partition), "-inf",
       std::to_string(now.time_since_epoch().count()), "LIMIT", "0", std::to_string(limit)});
  if (!reply) return fail(reply.error());
  std::vector<std::string> ids;
  for (const auto& element : reply->elements) ids.push_back(element.text);
  return ids;
}

Result<std::map<std::string, std::string>> LedgerStore::recommended(
    const std::string& model_type, const std::vector<std::string>& places) {
  std::map<std::string, std::string> found;
  if (places.empty()) return found;
  Redis::Args args{"HMGET", prefix_ + "recommended:" + model_type};
  args.insert(args.end(), places.begin(), places.end());
  const auto reply = redis_.command(args);
  if (!reply) return fail(reply.error());
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!reply->elements.at(i).is_nil()) found[places[i]] = reply->elements[i].text;
  }
  return found;
}

}  // namespace oppen::cost
