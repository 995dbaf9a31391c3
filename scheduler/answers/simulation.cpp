#include "scheduler/answers/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "scheduler/plan/simulate.hpp"

namespace oppen::answers {
namespace {

MicroUsd cost_of(const Candidate& job, Time start, const pricing::CostModel& model) {
  const auto end = start + std::chrono::milliseconds(std::llround(job.seconds * 1000));
  return pricing::price(job.usage, start, end, model).total;
}

// The index that View::dependencies uses for one that waits or runs.
std::optional<std::uint32_t> index_of(Rank rank, const Snapshot& snapshot) {
  if (const auto waits = snapshot.list->find(rank)) return static_cast<std::uint32_t>(*waits);
  const auto& live = snapshot.situation.live;
  const auto runs = std::find_if(live.begin(), live.end(), [&](const auto& job) {
    return Rank{job.priority, job.place} == rank;
  });
  if (runs == live.end()) return std::nullopt;
  return static_cast<std::uint32_t>(snapshot.list->size() +
                                    static_cast<std::size_t>(runs - live.begin()));
}

}  // namespace

Result<bool> look_up(CheckedBatch& batch, const Snapshot& snapshot, QueueLook& look) {
  std::vector<std::string> ids;
  std::unordered_map<std::string_view, std::uint32_t> own;
  const auto first_own =
      static_cast<std::uint32_t>(snapshot.list->size() + snapshot.situation.running.size());
  for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
    ids.push_back(batch.jobs[i].job_id);
    own.emplace(batch.jobs[i].job_id, first_own + static_cast<std::uint32_t>(i));
  }
  const auto known = look.heads(ids);
  if (!known) return fail(known.error());
  for (std::size_t i = 0; i < ids.size() && batch.faults.size() < most_faults; ++i) {
    if ((*known)[i].empty()) continue;
    batch.faults.push_back(
        {static_cast<int>(i), "job_id", '"' + ids[i] + '"',
         fmt::format("job_id is \"{}\": a job of this id exists already", ids[i])});
  }

  std::unordered_map<std::string, Rank> open;  // others that have not ended
  const auto records = [&](const std::vector<std::string>& others)
      -> Result<std::vector<std::optional<queue::JobRecord>>> {
    const auto heads = look.heads(others);
    if (!heads) return fail(heads.error());
    std::vector<std::optional<queue::JobRecord>> found(others.size());
    for (std::size_t i = 0; i < others.size(); ++i) {
      const auto head = read_head((*heads)[i]);
      if (!head) continue;
      found[i].emplace().state = head->state;
      if (!is_terminal(head->state)) open.emplace(others[i], head->rank());
    }
    return found;
  };
  const auto wrong = [&](int index, const std::string& field, const std::string& reason) {
    if (batch.faults.size() < most_faults) batch.faults.push_back({index, field, "", reason});
  };
  if (auto status = batch.dependencies.check_outside(records, wrong); !status)
    return fail(status.error());
  bool knows_all = true;
  for (auto& job : batch.jobs) {
    for (const auto& id : job.after) {
      if (const auto mine = own.find(id); mine != own.end()) {
        job.waits_for.push_back(mine->second);
      } else if (const auto other = open.find(id); other != open.end()) {
        const auto index = index_of(other->second, snapshot);
        knows_all = knows_all && index;
        if (index) job.waits_for.push_back(*index);
      }
    }
  }
  return knows_all;
}

tl::expected<std::string, Fault> simulated(const CheckedBatch& batch, const Snapshot& snapshot,
                                           plan::Played* played) {
  std::vector<plan::Waiting> jobs;
  std::vector<std::uint32_t> dependencies;
  jobs.reserve(batch.jobs.size());
  for (const auto& job : batch.jobs) {
    auto& waiting = jobs.emplace_back(job.waiting);
    waiting.first_dependency = static_cast<std::uint32_t>(dependencies.size());
    waiting.dependencies = static_cast<std::uint16_t>(job.waits_for.size());
    dependencies.insert(dependencies.end(), job.waits_for.begin(), job.waits_for.end());
  }
  const auto view = snapshot.view();
  plan::Simulation simulation;
  if (played == nullptr) {
    simulation = plan::simulate(view, jobs, dependencies);
  } else {
    simulation.batch = plan::simulate_batch(view, jobs, dependencies, *played, snapshot.begun);
  }

  // Of each priority: how many stand before the next of the batch.
  std::array<std::int64_t, 3> ahead{};
  for (const auto& job : view.waiting) {
    for (auto i = static_cast<std::size_t>(job.priority); i < ahead.size(); ++i) ++ahead[i];
  }
  for (const auto& job : jobs) {
    for (auto i = static_cast<std::size_t>(job.priority) + 1; i < ahead.size(); ++i) ++ahead[i];
  }
  MicroUsd total;
  std::string text;
  text.reserve(jobs.size() * 512);  // more than it takes
  JsonObjectText object(text);
  append_json(object.member("as_of"), to_rfc3339(snapshot.situation.at));
  put_text(object, "outdated", snapshot.outdated);
  const auto held = view.paused ? plan::paused_text(view.paused_until) : snapshot.situation.held;
  if (!held.empty()) append_json(object.member("held"), held);
  auto& list = object.member("jobs");
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto& expected = simulation.batch[i];
    const auto cost = cost_of(batch.jobs[i], expected.start_p50.value_or(view.now),
                              *snapshot.situation.cost_model);
    total += cost;
    list += i == 0 ? '[' : ',';
    JsonObjectText job(list);
    append_json(job.member("job_id"), batch.jobs[i].job_id);
    append_json(job.member("priority"), to_string(jobs[i].priority));
    append_json(job.member("position"), ++ahead[static_cast<std::size_t>(jobs[i].priority)]);
    put(job, expected);
    append_json(job.member("estimated_duration_seconds"), batch.jobs[i].seconds);
    append_json(job.member("estimated_cost_microusd"), cost.value);
    job.end();
  }
  list += ']';
  if (batch.max_total && total > *batch.max_total) {
    return tl::unexpected(Fault{-1, "max_total_microusd", std::to_string(batch.max_total->value),
                                fmt::format("the batch is estimated at {}, above its ceiling of {}",
                                            to_string(total), to_string(*batch.max_total))});
  }
  append_json(object.member("estimated_cost_microusd"), total.value);
  if (played != nullptr) {
    object.end();
    return text;
  }
  JsonObjectText delayed(object.member("delayed"));
  append_json(delayed.member("jobs"), static_cast<std::int64_t>(simulation.delayed));
  append_json(delayed.member("mean_seconds"), simulation.mean_delay_seconds);
  append_json(delayed.member("longest_seconds"), simulation.longest_delay_seconds);
  if (simulation.longest_delayed) {
    append_json(delayed.member("longest_job_id"),
                std::string_view(snapshot.list->job_id(*simulation.longest_delayed)));
  }
  delayed.end();
  object.end();
  return text;
}

}  // namespace oppen::answers
