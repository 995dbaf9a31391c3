#include "scheduler/answers/questions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "scheduler/answers/policy_simulation.hpp"
#include "scheduler/answers/simulation.hpp"
#include "scheduler/core/estimates.hpp"
#include "scheduler/core/user_limit.hpp"
#include "scheduler/queue/reader.hpp"
#include "schemas/text.hpp"

namespace oppen::answers {
namespace {

using namespace std::chrono_literals;
using runtime::HttpAnswer;

constexpr int most_inside = 4;  // half of the server's threads: the others are for who watches us
constexpr auto core_deadline = 3s;
constexpr auto brief_deadline = 1s;  // where there is something to fall back on

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return 400;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::refused:
      return 422;
    case ErrorKind::unavailable:
    case ErrorKind::fenced:
      return 503;
    default:
      return 500;
  }
}

HttpAnswer error_answer(const Error& error) {
  return {status_of(error.kind), error_text(error.kind, error.message)};
}

// Which budget holds it, and what has to happen.
void add_budget(const queue::JobRecord& record, const std::vector<budgets::Standing>& standings,
                plan::Reason& reason) {
  const bool approved = !record.approved_by.empty();
  const auto* const full = budgets::in_the_way(standings, record.spec.team, record.spec.project,
                                               record.estimated_cost, approved);
  if (full == nullptr) return;  // it has room by now, and is let go in a moment
  reason.budget = full->set.budget_id;
  if (!full->summed) {
    reason.because = budgets::sentence(*full, record.estimated_cost);
    return;
  }
  reason.until = full->period.end;
  reason.because = fmt::format("{}; waits until {}{} or the budget is raised",
                               budgets::sentence(*full, record.estimated_cost),
                               full->set.mode == "approval" ? "it is approved, until " : "",
                               to_rfc3339(full->period.end));
}

// What its end is expected to be, from what has run of it.
plan::Expected expectation_of_live(const queue::JobRecord& record, Time now) {
  plan::Expected expected;
  const auto start = record.started_at.value_or(now);
  const auto end = start + std::chrono::milliseconds(std::llround(record.estimated_seconds * 1000));
  if (record.state != JobState::cancelling && end > now) expected.end_p50 = end;
  return expected;
}

// What is allowed is of now; what is taken changes all the time, and is of then.
std::vector<plan::Quota> renewed(const std::vector<plan::Quota>& then,
                                 std::vector<plan::Quota> now) {
  for (auto& quota : now) {
    const auto known = std::find_if(then.begin(), then.end(), [&](const auto& one) {
      return one.name == quota.name && one.scope_priority_class == quota.scope_priority_class;
    });
    quota.used = known == then.end() ? decltype(quota.used){} : known->used;
  }
  return now;
}

// Its queue, under what the core says now.
std::shared_ptr<Snapshot> renewed(const Snapshot& then, const core::Situation& now) {
  auto snapshot = std::make_shared<Snapshot>(then);
  auto& situation = snapshot->situation;
  if (situation.cost_model != now.cost_model)
    snapshot->off_peak = plan::windows(situation.at, window_days, *now.cost_model);
  situation.capacity.quotas = renewed(situation.capacity.quotas, now.capacity.quotas);
  situation.capacity.max_concurrent_jobs = now.capacity.max_concurrent_jobs;
  situation.policy = now.policy;
  situation.cost_model = now.cost_model;
  situation.paused_until = now.paused_until;
  situation.budgets = now.budgets;
  situation.held = now.held;
  return snapshot;
}

// Whether what holds the job, if anything does, was known already when the snapshot was read.
bool is_held_alike(const queue::JobRecord& record, const plan::Waiting& then) {
  return hold_of(record.hold) == then.hold &&
         (then.dependencies == 0 || record.hold == queue::Hold::dependency);
}

Result<std::vector<std::string>> read_ids(const nlohmann::json& asked) {
  std::vector<std::string> ids;
  const auto wrong = [] {
    return fail(ErrorKind::invalid,
                fmt::format(R"(expected {{"jobs": [...]}} with at most {} ids of jobs)",
                            Questions::most_starts));
  };
  if (!asked.is_object() || !asked.contains("jobs") || !asked["jobs"].is_array()) return wrong();
  if (asked["jobs"].size() > Questions::most_starts) return wrong();
  for (const auto& id : asked["jobs"]) {
    if (!id.is_string() || !is_dns_label(id.get_ref<const std::string&>(), max_id_length))
      return wrong();
    ids.push_back(id);
  }
  return ids;
}

}  // namespace

Result<std::unique_ptr<Questions>> Questions::create(const std::string& redis_url,
                                                     const std::string& topic_prefix,
                                                     core::Inquiry& inquiry) {
  auto for_snapshots = runtime::Redis::create(redis_url);
  if (!for_snapshots) return fail(for_snapshots.error());
  auto redis = runtime::Redis::create(redis_url);
  if (!redis) return fail(redis.error());
  return std::unique_ptr<Questions>(
      new Questions(std::move(*for_snapshots), std::move(*redis), topic_prefix, inquiry));
}

Questions::Questions(std::unique_ptr<runtime::Redis> for_snapshots,
                     std::unique_ptr<runtime::Redis> redis, const std::string& topic_prefix,
                     core::Inquiry& inquiry)
    : inquiry_(inquiry),
      topic_prefix_(topic_prefix),
      redis_(std::move(redis)),
      snapshots_(
          std::move(for_snapshots), topic_prefix,
          [&inquiry] { return inquiry.situation(core_deadline); },
          [&inquiry] { return inquiry.leads(); }) {}

Result<std::shared_ptr<const Snapshot>> Questions::current() {
  const auto asked = Snapshots::Clock::now();
  const auto last = snapshots_.last();
  const auto now = inquiry_.situation(last ? brief_deadline : core_deadline);
  auto got = now ? snapshots_.get() : Result<std::shared_ptr<const Snapshot>>(fail(now.error()));
  // How long jobs may run at most is the list's.
  if (got && (*got)->situated < asked &&
      (*got)->situation.policy->launch_timeout_seconds != now->policy->launch_timeout_seconds)
    got = snapshots_.get(asked);
  if (got && (*got)->situated >= asked) return got;
  if (got) return renewed(**got, *now);
  if (!last || got.error().kind != ErrorKind::unavailable || !inquiry_.leads()) return got;
  const auto outdated = now ? renewed(*last, *now) : std::make_shared<Snapshot>(*last);
  outdated->outdated =
      fmt::format("{}: this is as of {}", got.error().message, to_rfc3339(last->situation.at));
  return outdated;
}

Result<std::shared_ptr<const Snapshot>> Questions::newer(const Snapshot& than,
                                                         Snapshots::Clock::time_point asked) {
  if (than.outdated.empty()) return snapshots_.get(asked);
  return fail(ErrorKind::unavailable,
              than.outdated + ", and what is asked about has changed since: ask again");
}

Result<Questions::Rules> Questions::rules() {
  const auto asked = Snapshots::Clock::now();
  const bool can_do_without = rules_ && asked - rules_->asked < Snapshots::keep_outdated_for;
  auto now = inquiry_.rules(can_do_without ? brief_deadline : core_deadline);
  if (now) {
    rules_ = Rules{*std::move(now), SystemClock().now(), asked, ""};
    return *rules_;
  }
  if (!can_do_without || !inquiry_.leads()) return fail(now.error());
  auto outdated = *rules_;
  outdated.outdated = fmt::format("{}: what submissions are judged by is as of {}",
                                  now.error().message, to_rfc3339(rules_->at));
  return outdated;
}

template <class Answer>
HttpAnswer Questions::one_at_a_time(Answer answer) {
  if (!inquiry_.leads()) {
    return error_answer(
        {ErrorKind::unavailable, "this scheduler does not lead: another does, or none does yet"});
  }
  struct Inside {
    explicit Inside(std::atomic<int>& its_count) : count(its_count), number(++count) {}
    ~Inside() { --count; }
    std::atomic<int>& count;
    const int number;
  };
  const Inside inside(inside_);
  if (inside.number > most_inside) {
    return error_answer(
        {ErrorKind::unavailable, "the scheduler is answering other questions: ask again"});
  }
  const std::lock_guard lock(mutex_);
  return answer();
}

HttpAnswer Questions::explain(const std::string& job_id) {
  return one_at_a_time([&]() -> HttpAnswer {
    const auto explanation = explained(job_id);
    if (!explanation) return error_answer(explanation.error());
    return {200, to_text(*explanation)};
  });
}

Result<Explanation> Questions::explained(const std::string& job_id) {
  queue::QueueReader reader(*redis_, topic_prefix_);
  // What is launched or cancelled while it is looked for is asked about once more.
  for (int i = 0; i < 3; ++i) {
    const auto record = reader.job(job_id);
    if (!record) return fail(record.error());
    auto explanation = explained(*record);
    if (explanation || explanation.error().kind != ErrorKind::conflict) return explanation;
  }
  return fail(ErrorKind::unavailable, "job " + job_id + " is on the move: ask again");
}

// conflict: it is not where its record says.
Result<Explanation> Questions::explained(const queue::JobRecord& record) {
  Explanation explanation;
  explanation.record = record;
  explanation.cost = record.estimated_cost;
  explanation.as_of = SystemClock().now();
  if (record.state != JobState::queued) {
    if (queue::is_live(record.state))
      explanation.expected = expectation_of_live(record, explanation.as_of);
    return explanation;
  }
  const auto asked = Snapshots::Clock::now();
  auto got = current();
  if (!got) return fail(got.error());
  const Rank rank{record.priority, record.place};
  auto index = (*got)->list->find(rank);
  if (!index || !is_held_alike(record, (*got)->list->waiting()[*index])) {  // come or let go since
    got = newer(**got, asked);
    if (!got) return fail(got.error());
    index = (*got)->list->find(rank);
    if (!index) return fail(ErrorKind::conflict, "");
  }
  const auto& snapshot = **got;
  const auto view = snapshot.view();
  const auto position = queue::QueueReader(*redis_, topic_prefix_).position(record);
  if (!position) return fail(position.error());
  explanation.position = *position;
  explanation.reason =
      plan::explain(view, *index, [&](std::size_t i) { return snapshot.name_of(i); });
  if (explanation.reason && explanation.reason->kind == plan::Reason::Kind::budget_hold)
    add_budget(record, snapshot.situation.budgets, *explanation.reason);
  explanation.held = snapshot.situation.held;
  explanation.outdated = snapshot.outdated;
  explanation.expected = plan::project(view, *index, *index + 1).front();
  explanation.as_of = snapshot.situation.at;
  if (const auto& start = explanation.expected.start_p50) {
    explanation.cost = core::estimate_cost(record.spec, *start, record.estimated_seconds,
                                           *snapshot.situation.cost_model);
  }
  return explanation;
}

HttpAnswer Questions::starts(std::string_view text) {
  const auto asked = nlohmann::json::parse(text, nullptr, false);
  const auto ids = read_ids(asked);
  if (!ids) return error_answer(ids.error());
  return one_at_a_time([&]() -> HttpAnswer {
    auto answer = starts_of(*ids);
    if (!answer) return error_answer(answer.error());
    return {200, std::move(*answer)};
  });
}

Result<std::string> Questions::starts_of(const std::vector<std::string>& job_ids) {
  const auto asked = Snapshots::Clock::now();
  const auto lines = QueueLook(*redis_, topic_prefix_).heads(job_ids);
  if (!lines) return fail(lines.error());
  auto got = current();
  if (!got) return fail(got.error());
  std::map<std::uint32_t, std::size_t> found;  // index in the queue -> in job_ids
  const auto find_all = [&] {
    found.clear();
    bool all = true;
    for (std::size_t i = 0; i < job_ids.size(); ++i) {
      const auto head = read_head((*lines)[i]);
      if (!head || head->state != JobState::queued) continue;
      const auto index = (*got)->list->find(head->rank());
      all = all && index;
      if (index) found.emplace(static_cast<std::uint32_t>(*index), i);
    }
    return all;
  };
  if (!find_all() && (*got)->outdated.empty()) {  // some have come since
    got = snapshots_.get(asked);
    if (!got) return fail(got.error());
    find_all();
  }
  std::vector<std::uint32_t> indices;
  for (const auto& [index, number] : found) indices.push_back(index);
  const auto expected = plan::project((*got)->view(), indices);
  std::string text;
  JsonObjectText object(text);
  append_json(object.member("as_of"), to_rfc3339((*got)->situation.at));
  put_text(object, "outdated", (*got)->outdated);
  auto& list = object.member("jobs");
  list += '[';
  for (auto of = expected.begin(); const auto& [index, number] : found) {
    if (of != expected.begin()) list += ',';
    JsonObjectText job(list);
    append_json(job.member("job_id"), job_ids[number]);
    put(job, *of++);
    job.end();
  }
  list += ']';
  object.end();
  return text;
}

Result<std::optional<core::Refusal>> Questions::refused_for_user(const CheckedBatch& batch,
                                                                 std::int64_t most) {
  queue::QueueStore reading(*redis_, topic_prefix_, queue::no_epoch);
  return core::UserLimit(reading, most).refusal(batch.jobs_by_user);
}

HttpAnswer Questions::simulate(std::string_view text, bool delays) {
  return one_at_a_time([&]() -> HttpAnswer {
    const auto rules = this->rules();
    if (!rules) return error_answer(rules.error());
    const auto asked = Snapshots::Clock::now();
    auto snapshot = current();
    if (snapshot && (*snapshot)->outdated.empty() && !rules->outdated.empty()) {
      const auto outdated = std::make_shared<Snapshot>(**snapshot);
      outdated->outdated = rules->outdated;
      snapshot = outdated;
    }
    Result<CheckedBatch> batch;
    const auto check = [&]() -> Result<bool> {
      if (!snapshot) return fail(snapshot.error());
      const auto& situation = (*snapshot)->situation;
      batch = check_batch(text, rules->rules, situation.at, *situation.cost_model);
      if (!batch) return fail(batch.error());
      QueueLook look(*redis_, topic_prefix_);
      return look_up(*batch, **snapshot, look);
    };
    auto knows_all = check();
    if (knows_all && !*knows_all) {  // whom it waits for has come since
      snapshot = newer(**snapshot, asked);
      knows_all = check();
    }
    if (!knows_all) return error_answer(knows_all.error());
    const auto paused = snapshots_.pause();
    if (batch->faults.empty()) {
      auto answer = simulated(*batch, **snapshot, delays ? nullptr : &played_);
      const auto too_many = refused_for_user(*batch, rules->rules.policy->max_jobs_per_user);
      if (!too_many) return error_answer(too_many.error());
      if (!answer) {
        batch->faults.push_back(std::move(answer.error()));
      } else if (*too_many) {
        batch->faults.push_back({-1, (*too_many)->field, "", (*too_many)->reason});
      } else {
        return {200, std::move(*answer)};
      }
    }
    const auto kind = batch->malformed ? ErrorKind::invalid : ErrorKind::refused;
    const std::string what =
        batch->malformed ? "the batch is not valid: " : "the batch would be refused: ";
    return {status_of(kind), error_text(kind, what + batch->faults.front().reason, batch->faults)};
  });
}

HttpAnswer Questions::simulate_policy(std::string_view text) {
  const auto asked = nlohmann::json::parse(text, nullptr, false);
  const auto is_text = [&asked](const char* name) {
    return asked.contains(name) && asked[name].is_string();
  };
  if (!asked.is_object() || !is_text("key") || !is_text("value")) {
    return error_answer(
        {ErrorKind::invalid, R"(expected {"key": ..., "value": ...}, both of them text)"});
  }
  std::optional<Time> until;
  if (asked.contains("until")) {
    const auto time = parse_rfc3339(is_text("until") ? asked["until"].get<std::string>() : "");
    if (time) {
      until = *time;
    } else {
      return error_answer({ErrorKind::invalid, "until is " + shortened(asked["until"].dump()) +
                                                   ", expected a time as RFC 3339 has it"});
    }
  }
  return one_at_a_time([&]() -> HttpAnswer {
    const auto snapshot = current();
    if (!snapshot) return error_answer(snapshot.error());
    const auto paused = snapshots_.pause();
    auto answer = simulated(asked["key"], asked["value"], until, **snapshot);
    if (!answer) return error_answer(answer.error());
    return {200, *std::move(answer)};
  });
}

}  // namespace oppen::answers
