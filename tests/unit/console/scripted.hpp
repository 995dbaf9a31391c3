#pragma once
// A queue, logs and a clock that say what the test tells them to.
#include <algorithm>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "workers/console/api.hpp"

namespace oppen::console {

class ScriptedQueue final : public QueueView {
 public:
  std::vector<queue::JobRecord> waiting;
  std::vector<queue::JobRecord> alive;
  std::vector<queue::JobRecord> over;
  queue::Counters figures;
  std::vector<std::pair<std::string, MicroUsd>> just_ended;  // unseen
  std::map<std::string, queue::BatchView> batches;
  nlohmann::json policies;    // null: none yet
  nlohmann::json who_leads;   // null: nobody yet
  std::optional<Error> away;  // what every call answers, once set

  Result<queue::Counters> counters() override {
    if (away) return fail(*away);
    return figures;
  }
  Result<std::vector<std::pair<std::string, MicroUsd>>> unseen() override {
    if (away) return fail(*away);
    return just_ended;
  }
  Result<queue::JobRecord> job(const std::string& job_id) override {
    if (away) return fail(*away);
    for (const auto* section : {&waiting, &alive, &over}) {
      for (const auto& record : *section) {
        if (record.spec.job_id == job_id) return record;
      }
    }
    return fail(ErrorKind::not_found, "there is no job " + job_id);
  }
  Result<queue::BatchView> batch(const std::string& batch_id) override {
    if (away) return fail(*away);
    const auto found = batches.find(batch_id);
    if (found == batches.end()) return fail(ErrorKind::not_found, "there is no batch " + batch_id);
    return found->second;
  }
  Result<std::optional<std::int64_t>> position(const queue::JobRecord& record) override {
    if (away) return fail(*away);
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].spec.job_id == record.spec.job_id) return static_cast<std::int64_t>(i + 1);
    }
    return std::nullopt;
  }
  Result<queue::Page> queued(const std::string& cursor, int limit) override {
    return page(waiting, cursor, limit);
  }
  Result<queue::Page> live(const std::string& cursor, int limit) override {
    return page(alive, cursor, limit);
  }
  Result<queue::Page> ended(const std::string& cursor, int limit) override {
    return page(over, cursor, limit);
  }
  Result<nlohmann::json> policy() override { return known(policies, "no policy yet"); }
  Result<nlohmann::json> leader() override { return known(who_leads, "nobody has led yet"); }

 private:
  Result<queue::Page> page(const std::vector<queue::JobRecord>& all, const std::string& cursor,
                           int limit) {
    if (away) return fail(*away);
    if (!cursor.empty() && cursor.find_first_not_of("0123456789") != std::string::npos) {
      return fail(ErrorKind::invalid, "cursor is \"" + cursor + "\"");
    }
    const std::size_t first = cursor.empty() ? 0 : std::stoul(cursor);
    queue::Page out;
    for (std::size_t i = first; i < all.size() && out.jobs.size() < static_cast<std::size_t>(limit);
         ++i) {
      out.jobs.push_back(all[i]);
    }
    if (first + out.jobs.size() < all.size()) out.next = std::to_string(first + out.jobs.size());
    return out;
  }
  Result<nlohmann::json> known(const nlohmann::json& value, const std::string& otherwise) {
    if (away) return fail(*away);
    if (value.is_null()) return fail(ErrorKind::not_found, otherwise);
    return value;
  }
};

class ScriptedBooks final : public BooksView {
 public:
  std::vector<cost::DayRow> rows;
  std::vector<cost::RunRecord> records;  // the latest first
  cost::IdleRows idle_rows;
  std::optional<Error> away;  // what every call answers, once set
  int asked = 0;              // how often for days or jobs

  Result<std::vector<cost::DayRow>> days(std::chrono::sys_days from,
                                         std::chrono::sys_days to) override {
    ++asked;
    if (away) return fail(*away);
    std::vector<cost::DayRow> found;
    for (const auto& row : rows) {
      if (row.key.day >= from && row.key.day < to) found.push_back(row);
    }
    return found;
  }
  Result<cost::IdleSums> idle(std::chrono::sys_days from, std::chrono::sys_days to) override {
    if (away) return fail(*away);
    cost::IdleSums found;
    for (const auto& [key, time] : idle_rows) {
      if (key.day >= from && key.day < to) found.add(key, time);
    }
    return found;
  }
  Result<std::optional<cost::RunRecord>> run(const std::string& id_or_name) override {
    if (away) return fail(*away);
    for (const auto& one : records) {
      if (one.job_id == id_or_name || one.run_id == id_or_name || one.name == id_or_name)
        return one;
    }
    return std::nullopt;
  }
  Result<std::optional<cost::RunRecord>> job(const std::string& job_id) override {
    if (away) return fail(*away);
    for (const auto& one : records) {
      if (one.job_id == job_id) return one;
    }
    return std::nullopt;
  }
  Result<std::vector<cost::RunRecord>> jobs(const std::vector<std::string>& job_ids) override {
    ++asked;
    if (away) return fail(*away);
    std::vector<cost::RunRecord> found;
    for (const auto& one : records) {
      if (std::find(job_ids.begin(), job_ids.end(), one.job_id) != job_ids.end())
        found.push_back(one);
    }
    return found;
  }
  Result<cost::RunList> runs(Time, Time, const cost::RunFilter& filter,
                             std::size_t limit) override {
    if (away) return fail(*away);
    cost::RunList found;
    for (const auto& one : records) {
      if (!filter.team.empty() && filter.team != one.team) continue;
      found.all = found.runs.size() < limit;
      if (!found.all) break;
      found.runs.push_back(one);
    }
    return found;
  }
  Result<bool> surely_more_runs(Time, Time, std::size_t most) override {
    if (away) return fail(*away);
    return records.size() > most;
  }
  Result<std::size_t> runs_on(std::chrono::sys_days) override {
    if (away) return fail(*away);
    return records.size();
  }
  Result<std::vector<cost::RunRecord>> history(const std::string& model_type,
                                               std::size_t limit) override {
    if (away) return fail(*away);
    std::vector<cost::RunRecord> found;
    for (const auto& one : records) {
      if (one.model_type == model_type && one.ended_at && found.size() < limit)
        found.push_back(one);
    }
    return found;
  }
  std::map<std::string, std::vector<double>> accuracies_of;  // by job id
  cost::TrackRecords followed;                               // of each model type
  Result<std::vector<double>> accuracies(const cost::RunRecord& run) override {
    if (away) return fail(*away);
    return accuracies_of[run.job_id];
  }
  Result<cost::TrackRecords> track_records(const std::string&) override {
    if (away) return fail(*away);
    return followed;
  }
  Result<std::vector<std::optional<MicroUsd>>> charged(
      const std::vector<cost::AttemptId>& ids) override {
    if (away) return fail(*away);
    std::vector<std::optional<MicroUsd>> found;
    for (const auto& id : ids) {
      const auto cost = costs.find({id.run, id.attempt});
      found.push_back(cost == costs.end() ? std::nullopt : std::optional(cost->second));
    }
    return found;
  }
  std::map<std::pair<std::string, int>, MicroUsd> costs;  // by run_key and attempt
};

// Gives its pieces one by one; after the last one ends, or is quiet for ever.
class ScriptedLog final : public LogStream {
 public:
  ScriptedLog(std::deque<std::string> pieces, bool ends)
      : pieces_(std::move(pieces)), ends_(ends) {}
  Read next(std::string& into, std::chrono::milliseconds) override {
    if (pieces_.empty()) return ends_ ? Read::end : Read::quiet;
    into = pieces_.front();
    pieces_.pop_front();
    return Read::data;
  }

 private:
  std::deque<std::string> pieces_;
  bool ends_;
};

class ScriptedLogs final : public LogSource {
 public:
  std::deque<std::string> pieces;
  bool ends = true;
  std::optional<Error> refusal;
  LogRequest asked;  // the last request

  // On the threads of a server, several at once.
  Result<std::shared_ptr<LogStream>> open(const LogRequest& request) override {
    const std::lock_guard lock(mutex_);
    asked = request;
    if (refusal) return fail(*refusal);
    return std::make_shared<ScriptedLog>(pieces, ends);
  }

 private:
  std::mutex mutex_;
};

// Answers everybody alike, and keeps what was asked.
class ScriptedScheduler final : public SchedulerQuestions {
 public:
  runtime::HttpAnswer answer{200, "{}"};
  std::vector<std::pair<std::string, std::string>> asked;  // path, body
  runtime::HttpAnswer ask(const std::string& path, std::string_view body) override {
    asked.emplace_back(path, body);
    return answer;
  }
};

class StoppedClock final : public Clock {
 public:
  Time time = *parse_rfc3339("2026-01-03T18:15:00Z");
  Time now() const override { return time; }
};

inline queue::JobRecord record(const std::string& job_id, JobState state) {
  queue::JobRecord record;
  record.state = state;
  record.seq = 1;
  record.spec.job_id = job_id;
  record.spec.model_type = "mnist";
  record.spec.epochs = 2;
  record.spec.batch_size = 64;
  record.spec.resources = {1, std::nullopt, "", 1'000, 2LL << 30};
  record.spec.image = "oppen.dev/digits-trainer:1";
  record.spec.priority = Priority::normal;
  record.estimated_seconds = 250;
  record.estimated_cost = MicroUsd{20'500};
  record.submitted_at = *parse_rfc3339("2026-01-03T18:00:00Z");
  if (queue::is_live(state)) {
    record.attempt = 1;
    record.launching_at = record.submitted_at;
  }
  return record;
}

}  // namespace oppen::console
