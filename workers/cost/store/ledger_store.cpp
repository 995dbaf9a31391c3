#include "workers/cost/store/ledger_store.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <random>

#include "schemas/parse.hpp"
#include "schemas/topics.hpp"
#include "workers/cost/store/advice_change.hpp"
#include "workers/cost/store/book_change.hpp"
#include "workers/cost/store/lua_scripts.hpp"

namespace oppen::cost {
namespace {

using runtime::Redis;
using runtime::RedisScript;

// As long as events of it may come again: what job-events keeps, and a day.
constexpr std::chrono::milliseconds keep_settled = std::chrono::days(31);
// A run from outside may be reported again for so long.
constexpr std::chrono::milliseconds keep_settled_outside = longest_ago + std::chrono::days(1);
constexpr std::size_t runs_at_once = 1'000;
// Stands behind the cluster's id; another one with each change of how keys or what they hold are written that
// an instance which does not know it can't live with.
constexpr std::string_view form = " 3";

// Two instances never have the same one, whatever Redis has forgotten.
std::string new_token() {
  std::random_device random;
  return fmt::format("{}-{:08x}{:08x}", getpid(), random(), random());
}

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string text_of(const std::optional<std::int64_t>& value) {
  return value ? std::to_string(*value) : std::string();
}

Result<Charge> read_charge(const std::string& text) {
  const auto line = text.rfind('\n');  // what stands before it may hold more of them, JSON does not
  const auto data = nlohmann::json::parse(text.substr(std::min(line, text.size())), nullptr, false);
  auto event = parse_data<CostAccrued>(data);
  if (line == std::string::npos || !event)
    return fail(ErrorKind::fatal, "a charge in Redis that was to be published is broken");
  return Charge{text.substr(0, line), std::move(*event)};
}

}  // namespace

LedgerStore::LedgerStore(Redis& redis, const std::string& topic_prefix)
    : redis_(redis), prefix_("{" + topic_prefix + "cost}:"), instance_(new_token()) {}

Result<std::string> LedgerStore::cluster(const std::string& connected) {
  const auto key = prefix_ + "cluster";
  if (const auto set = redis_.command({"SET", key, connected + std::string(form), "NX"}); !set)
    return fail(set.error());
  auto reply = redis_.command({"GET", key});
  if (!reply) return fail(reply.error());
  auto& text = reply->text;
  if (!text.ends_with(form)) {
    return fail(ErrorKind::fatal,
                "an instance of another version has written the ledger in Redis (" + key + ": " +
                    text + "): empty its keys, " + prefix_ +
                    "*, that one last, to rebuild it from the log");
  }
  text.resize(text.size() - form.size());
  return std::move(text);
}

Status LedgerStore::remember_policies(const std::map<std::int64_t, std::string>& texts) {
  if (texts.empty()) return {};
  Redis::Args args{"HSET", prefix_ + "policies"};
  for (const auto& [offset, text] : texts) {
    args.push_back(std::to_string(offset));
    args.push_back(text);
  }
  return redis_.command(args).map([](const auto&) {});
}

Result<std::map<std::int64_t, std::string>> LedgerStore::policies() {
  auto reply = redis_.command({"HGETALL", prefix_ + "policies"});
  if (!reply) return fail(reply.error());
  std::map<std::int64_t, std::string> policies;
  for (std::size_t i = 0; i + 1 < reply->elements.size(); i += 2) {
    const auto offset = number(reply->elements[i].text);
    if (!offset) return fail(ErrorKind::fatal, "a policy of the ledger in Redis has no offset");
    policies[*offset] = std::move(reply->elements[i + 1].text);
  }
  return policies;
}

Status LedgerStore::forget_policy(std::int64_t offset) {
  return redis_.command({"HDEL", prefix_ + "policies", std::to_string(offset)})
      .map([](const auto&) {});
}

Result<Time> LedgerStore::time() {
  const auto reply = redis_.command({"TIME"});
  if (!reply) return fail(reply.error());
  const auto seconds = number(reply->elements.at(0).text);
  const auto micros = number(reply->elements.at(1).text);
  return Time(std::chrono::seconds(seconds.value_or(0)) +
              std::chrono::milliseconds(micros.value_or(0) / 1'000));
}

Result<Claim> LedgerStore::claim(int partition) {
  static const RedisScript script(lua::claim);
  Claim claim{partition, new_token(), 0, {}, {}, {}};
  const auto place = std::to_string(partition);
  const auto reply =
      redis_.eval(script, {prefix_ + "partition:" + place}, {prefix_, place, claim.token});
  if (!reply) return fail(reply.error());
  claim.version = number(reply->elements.at(0).text).value_or(0);
  claim.next = number(reply->elements.at(1).text);
  claim.costs = number(reply->elements.at(2).text);
  claim.runs = number(reply->elements.at(3).text);
  claim.tried = {{std::string(topics::job_events), reply->elements.at(4).text},
                 {std::string(topics::runs), reply->elements.at(5).text},
                 {std::string(topics::telemetry), reply->elements.at(7).text}};
  claim.telemetry = number(reply->elements.at(6).text);
  return claim;
}

// Of one that is settled what is kept of its attempts is there, too.
Status LedgerStore::load_runs(std::vector<std::pair<std::string, Job*>> jobs) {
  for (std::size_t first = 0; first < jobs.size(); first += runs_at_once) {
    const auto end = std::min(jobs.size(), first + runs_at_once);
    Redis::Args args{"MGET"};
    for (auto i = first; i < end; ++i) args.push_back(prefix_ + "run:" + jobs[i].first);
    const auto reply = redis_.command(args);
    if (!reply) return fail(reply.error());
    for (auto i = first; i < end; ++i) {
      const auto& element = reply->elements.at(i - first);
      if (element.is_nil()) continue;
      std::string attempts;
      auto run = decode_run(jobs[i].first, element.text, &attempts);
      if (!run) return fail(run.error());
      if (!attempts.empty() && jobs[i].second->attempts.empty()) {
        auto settled = decode_job(attempts);
        if (!settled) return fail(settled.error());
        *jobs[i].second = std::move(*settled);
      }
      jobs[i].second->run = std::move(*run);
    }
  }
  return {};
}

Result<std::vector<std::pair<std::string, Job>>> LedgerStore::open_jobs(int partition) {
  const auto reply = redis_.command({"HGETALL", prefix_ + "open:" + std::to_string(partition)});
  if (!reply) return fail(reply.error());
  std::vector<std::pair<std::string, Job>> jobs;
  for (std::size_t i = 0; i + 1 < reply->elements.size(); i += 2) {
    auto job = decode_job(reply->elements[i + 1].text);
    if (!job) return fail(job.error());
    jobs.emplace_back(reply->elements[i].text, std::move(*job));
  }
  std::vector<std::pair<std::string, Job*>> of_runs;
  for (auto& [id, job] : jobs) of_runs.emplace_back(id, &job);
  if (auto status = load_runs(std::move(of_runs)); !status) return fail(status.error());
  return jobs;
}

Result<std::map<std::string, Job>> LedgerStore::settled_jobs(
    const std::vector<std::string>& job_ids) {
  std::map<std::string, Job> jobs;
  if (job_ids.empty()) return jobs;
  Redis::Args args{"MGET"};
  for (const auto& id : job_ids) args.push_back(prefix_ + "settled:" + id);
  const auto reply = redis_.command(args);
  if (!reply) return fail(reply.error());
  std::vector<std::pair<std::string, Job*>> of_runs;
  for (std::size_t i = 0; i < job_ids.size(); ++i) {
    const auto& element = reply->elements.at(i);
    auto job = element.is_nil() ? Result<Job>(Job()) : decode_job(element.text);
    if (!job) return fail(job.error());
    const auto put = jobs.emplace(job_ids[i], std::move(*job)).first;
    of_runs.emplace_back(put->first, &put->second);
  }
  if (auto status = load_runs(std::move(of_runs)); !status) return fail(status.error());
  std::erase_if(jobs, [](const auto& one) {
    return one.second.attempts.empty() && one.second.run.keep_until() == std::nullopt &&
           !one.second.run.known() && one.second.run.record.epochs_done == 0;
  });
  return jobs;
}

Result<std::map<std::string, std::string>> LedgerStore::usages(int partition) {
  auto reply = redis_.command({"HGETALL", prefix_ + "usage:" + std::to_string(partition)});
  if (!reply) return fail(reply.error());
  std::map<std::string, std::string> found;
  for (std::size_t i = 0; i + 1 < reply->elements.size(); i += 2)
    found[reply->elements[i].text] = std::move(reply->elements[i + 1].text);
  return found;
}

Result<std::vector<Charge>> LedgerStore::outbox(int partition) {
  const auto reply =
      redis_.command({"LRANGE", prefix_ + "outbox:" + std::to_string(partition), "0", "-1"});
  if (!reply) return fail(reply.error());
  std::vector<Charge> charges;
  for (const auto& element : reply->elements) {
    auto charge = read_charge(element.text);
    if (!charge) return fail(charge.error());
    charges.push_back(std::move(*charge));
  }
  return charges;
}

Status LedgerStore::commit(Claim& claim, const Change& change) {
  static const RedisScript script(lua::commit);
  const auto place = std::to_string(claim.partition);
  Redis::Args args{prefix_,
                   place,
                   claim.token,
                   std::to_string(claim.version),
                   text_of(change.next),
                   text_of(change.costs),
                   text_of(change.runs),
                   change.keep_outbox ? "keep" : "",
                   text_of(change.telemetry),
                   std::to_string(std::chrono::milliseconds(keep_runs).count())};
  for (const auto& [id, job] : change.jobs) {
    const bool settled = job->settled();
    args.insert(args.end(), {settled ? "S" : "O", id, encode(*job)});
    if (!settled) continue;
    const auto until = job->run.keep_until();
    args.push_back(
        std::to_string((id.starts_with(':') ? keep_settled_outside : keep_settled).count()));
    args.push_back(until ? text_of(until->time_since_epoch().count()) : "");
  }
  for (const auto* charge : change.charges) {
    args.emplace_back("E");
    args.push_back(charge->id + '\n' + to_text(charge->event));
  }
  for (const auto& [topic, text] : change.tried) args.insert(args.end(), {"T", topic, text});
  for (const auto& [attempt, text] : change.usages)
    args.insert(args.end(), {std::string("U"), attempt, text});
  add_advice(args, change);
  add_books(args, change);
  const auto reply = redis_.eval(script, {prefix_ + "partition:" + place}, args);
  if (!reply) return fail(reply.error());
  claim.version = reply->integer;
  return {};
}

}  // namespace oppen::cost
