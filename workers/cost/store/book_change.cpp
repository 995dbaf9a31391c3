#include "workers/cost/store/book_change.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "workers/cost/books/charge_rows.hpp"

namespace oppen::cost {
namespace {

using runtime::Redis;
using std::chrono::sys_days;

std::string milliseconds(std::optional<Time> time) {
  return time ? std::to_string(time->time_since_epoch().count()) : std::string();
}

void add_days(Redis::Args& args, const std::vector<const CostAccrued*>& charges,
              const std::vector<DayRow>& measured) {
  DayRows rows;
  for (const auto& row : measured) rows.add(row);
  for (const auto* charge : charges) rows.add({day_key_of(*charge), spent_of(*charge)});
  std::map<sys_days, std::vector<std::pair<std::string, std::int64_t>>> by_day;
  for (const auto& row : rows.take()) {
    auto fields = day_fields(row);
    auto& all = by_day[row.key.day];
    std::move(fields.begin(), fields.end(), std::back_inserter(all));
  }
  for (const auto& [day, fields] : by_day) {
    if (fields.empty()) continue;
    args.insert(args.end(), {"D", day_text(day), milliseconds(Time(day) + keep_days),
                             std::to_string(fields.size())});
    for (const auto& [field, amount] : fields)
      args.insert(args.end(), {field, std::to_string(amount)});
  }
}

void add_run(Redis::Args& args, const std::string& id, const Job& job) {
  const auto& run = job.run;
  const auto& record = run.record;
  const auto expire = milliseconds(run.keep_until());
  const auto add = [&](const char* operation, std::initializer_list<std::string> rest) {
    args.insert(args.end(), {operation, id, expire});
    args.insert(args.end(), rest);
  };
  add("R", {encode_run(run, job.settled() ? encode(job) : "")});
  if (!record.job_id.empty() && !record.run_id.empty()) add("A", {record.run_id});
  if (!record.name.empty() && record.started_at)
    add("N",
        {record.name, milliseconds(record.started_at), std::to_string(name_part(record.name))});
  if (run.known() && record.started_at && record.ended_at)
    add("H", {record.model_type, milliseconds(record.ended_at)});
  const auto add_list = [&](const char* name, const std::vector<double>& values, bool anew) {
    if (!anew && values.empty()) return;
    args.insert(args.end(),
                {"P", name, id, expire, anew ? "1" : "", std::to_string(values.size())});
    for (const double value : values) args.push_back(fmt::format("{}", value));
  };
  add_list("epochs", run.new_epoch_seconds, run.epochs_anew);
  add_list("accuracies", run.new_accuracies, run.accuracies_anew);
}

}  // namespace

void add_books(Redis::Args& args, const Change& change) {
  auto charges = change.recalled;
  for (const auto* charge : change.charges) charges.push_back(&charge->event);
  add_days(args, charges, change.measured);
  std::map<std::string, Job*> jobs;
  for (const auto& [id, job] : change.jobs) jobs[id] = job;
  for (const auto* charge : charges) {
    const auto id = run_key(charge->job_id, charge->run_id);
    const auto day = std::chrono::floor<std::chrono::days>(charge->interval_start);
    const auto job = jobs.find(id);
    if (job == jobs.end() || job->second->run.listed == day) continue;
    auto& run = job->second->run;
    run.listed = std::max(run.listed.value_or(day), day);
    const auto started = run.record.started_at.value_or(charge->interval_start);
    args.insert(args.end(),
                {"L", id, milliseconds(Time(day) + std::chrono::days(1) + keep_runs), day_text(day),
                 milliseconds(started), std::to_string(day_slice(day, started))});
  }
  for (const auto& [id, job] : jobs) add_run(args, id, *job);
}

}  // namespace oppen::cost
