#include "workers/cost/books/books.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <span>

#include "workers/cost/books/charge_rows.hpp"
#include "workers/cost/books/run.hpp"

namespace oppen::cost {
namespace {

using runtime::Redis;
using runtime::RedisReply;
using std::chrono::sys_days;

constexpr std::size_t page = 500;
// Of so many slices of days the first runs are asked for at once: most hold no more.
constexpr std::size_t slices_at_once = 64;
constexpr std::size_t first_of_slice = 100;
// Each has a hash of as many fields as there are teams, projects, models and kinds of GPU together.
constexpr std::chrono::days days_at_once{8};
constexpr std::chrono::days most_kept_days{100};

bool matches(const RunRecord& run, const RunFilter& filter) {
  const auto fits = [](const std::string& wanted, const std::string& is) {
    return wanted.empty() || wanted == is;
  };
  return fits(filter.team, run.team) && fits(filter.project, run.project) &&
         fits(filter.model_type, run.model_type) && fits(filter.state, run.state);
}

bool at_work(const RunRecord& run, Time from, Time to) {
  return run.started_at && *run.started_at < to && (!run.ended_at || *run.ended_at > from);
}

enum class Epochs { without, with };

// One after the other without waiting.
Result<std::vector<RedisReply>> all_of(Redis& redis, const std::vector<Redis::Args>& commands) {
  auto replies = redis.pipeline(commands);
  if (!replies) return fail(replies.error());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (replies->at(i).type != RedisReply::Type::error) continue;
    // Asked alone, of what kind the error is comes with it.
    auto again = redis.command(commands[i]);
    if (!again) return fail(again.error());
    replies->at(i) = std::move(*again);
  }
  return replies;
}

double number(const std::string& text, double otherwise) {
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc{} ? value : otherwise;
}

std::vector<double> numbers(const RedisReply& list) {
  std::vector<double> found;
  for (const auto& element : list.elements) {
    const double value = number(element.text, std::nan(""));
    if (!std::isnan(value)) found.push_back(value);
  }
  return found;
}

// The records of those that are still kept, in the order of `keys`.
Result<std::vector<RunRecord>> load(Redis& redis, const std::string& prefix,
                                    const std::vector<std::string>& keys, Epochs epochs) {
  std::vector<RunRecord> records;
  if (keys.empty()) return records;
  Redis::Args args{"MGET"};
  for (const auto& key : keys) args.push_back(prefix + "run:" + key);
  const auto reply = redis.command(args);
  if (!reply) return fail(reply.error());
  std::vector<Redis::Args> lists;
  std::vector<std::size_t> whose;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (reply->elements.at(i).is_nil()) continue;
    auto run = decode_run(keys[i], reply->elements[i].text);
    if (!run) return fail(run.error());
    if (run->tells_epochs && epochs == Epochs::with) {
      lists.push_back({"LRANGE", prefix + "epochs:" + keys[i], "0", "-1"});
      whose.push_back(records.size());
    }
    records.push_back(std::move(run->record));
  }
  if (lists.empty()) return records;
  const auto told = all_of(redis, lists);
  if (!told) return fail(told.error());
  for (std::size_t i = 0; i < whose.size(); ++i) {
    records[whose[i]].epoch_seconds = numbers(told->at(i));
  }
  return records;
}

// The keys at [first, first + count) of a sorted set, the highest first. `count` is not 0.
Redis::Args latest(const std::string& set, std::size_t first, std::size_t count) {
  return {"ZREVRANGE", set, std::to_string(first), std::to_string(first + count - 1)};
}

// The lists of runs of the days from `first` to `last`, the latest first.
Result<std::vector<std::string>> lists_of(Redis& redis, const std::string& prefix, sys_days first,
                                          sys_days last) {
  std::vector<std::string> of_days;
  std::vector<Redis::Args> commands;
  for (auto day = last; day >= first; day -= std::chrono::days(1)) {
    of_days.push_back(prefix + "runs:" + day_text(day));
    commands.push_back({"ZREVRANGE", of_days.back(), "0", "-1"});
  }
  const auto replies = all_of(redis, commands);
  if (!replies) return fail(replies.error());
  std::vector<std::string> lists;
  for (std::size_t i = 0; i < of_days.size(); ++i) {
    for (const auto& slice : replies->at(i).elements)
      lists.push_back(of_days[i] + ':' + slice.text);
  }
  return lists;
}

// What stands on these lists and is not in `seen` yet, which it comes into. Ends early when `seen` is over most_examined_runs.
Result<std::vector<std::string>> unseen(Redis& redis, std::span<const std::string> lists,
                                        std::set<std::string>& seen) {
  std::vector<Redis::Args> commands;
  for (const auto& list : lists) commands.push_back(latest(list, 0, first_of_slice));
  const auto replies = all_of(redis, commands);
  if (!replies) return fail(replies.error());
  std::vector<std::string> found;
  const auto take = [&](const RedisReply& reply) {
    for (const auto& element : reply.elements) {
      if (seen.insert(element.text).second) found.push_back(element.text);
    }
  };
  for (std::size_t i = 0; i < lists.size(); ++i) {
    take(replies->at(i));
    bool more = replies->at(i).elements.size() == first_of_slice;
    for (auto place = first_of_slice; more && seen.size() <= most_examined_runs; place += page) {
      const auto reply = redis.command(latest(lists[i], place, page));
      if (!reply) return fail(reply.error());
      take(*reply);
      more = reply->elements.size() == page;
    }
    if (seen.size() > most_examined_runs) break;
  }
  return found;
}

Status add_day(DayRows& found, sys_days day, const RedisReply& reply) {
  const auto& fields = reply.elements;
  for (std::size_t f = 0; f + 1 < fields.size(); f += 2) {
    std::int64_t amount = 0;
    const auto& text = fields[f + 1].text;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), amount);
    if (read.ec != std::errc{} || !found.add(day, fields[f].text, amount)) {
      return fail(ErrorKind::fatal, "a row of the books in Redis is broken: day " + day_text(day) +
                                        ", field " + fields[f].text);
    }
  }
  return {};
}

// The first of them that there is.
Result<std::optional<RunRecord>> first_of(Redis& redis, const std::string& prefix,
                                          const std::vector<std::string>& keys) {
  auto records = load(redis, prefix, keys, Epochs::with);
  if (!records) return fail(records.error());
  if (records->empty()) return std::nullopt;
  return std::move(records->front());
}

}  // namespace

Books::Books(Redis& redis, const std::string& topic_prefix, KeptDays* kept)
    : redis_(redis), prefix_("{" + topic_prefix + "cost}:"), kept_(kept) {}

Result<std::vector<std::string>> Books::versions(sys_days from, sys_days to) {
  std::vector<std::string> versions;
  if (from >= to) return versions;
  Redis::Args args{"MGET"};
  for (auto day = from; day < to; day += std::chrono::days(1))
    args.push_back(prefix_ + "day-version:" + day_text(day));
  auto reply = redis_.command(args);
  if (!reply) return fail(reply.error());
  for (auto& element : reply->elements) versions.push_back(std::move(element.text));
  return versions;
}

Result<std::vector<DayRow>> Books::days(sys_days from, sys_days to) {
  if (to - from > keep_days)
    return fail(ErrorKind::invalid, "at most 400 days can be asked for at once");
  // Of longer ranges the copies would take more memory than the reading saves time.
  auto* const kept = to - from > most_kept_days ? nullptr : kept_;
  auto versions = kept == nullptr ? Result<std::vector<std::string>>() : this->versions(from, to);
  if (!versions) return fail(versions.error());
  const auto days = static_cast<std::size_t>(std::max(to - from, std::chrono::days(0)).count());
  std::vector<KeptDays::Rows> known(days);
  std::vector<sys_days> missing;
  for (std::size_t i = 0; i < days; ++i) {
    const auto day = from + std::chrono::days(i);
    if (kept != nullptr) known[i] = kept->find(day, (*versions)[i]);
    if (!known[i]) missing.push_back(day);
  }
  constexpr std::size_t most = days_at_once / std::chrono::days(1);
  DayRows read;
  for (auto next = missing.begin(); next != missing.end();) {
    auto day = next;
    std::vector<Redis::Args> commands;
    for (; next != missing.end() && commands.size() < most; ++next)
      commands.push_back({"HGETALL", prefix_ + "day:" + day_text(*next)});
    const auto replies = all_of(redis_, commands);
    if (!replies) return fail(replies.error());
    for (const auto& reply : *replies) {
      if (const auto added = add_day(read, *day++, reply); !added) return fail(added.error());
    }
  }
  auto rows = read.take();
  if (kept == nullptr) return rows;
  std::vector<DayRow> all;
  auto row = rows.begin();
  for (std::size_t i = 0; i < days; ++i) {
    const auto day = from + std::chrono::days(i);
    if (!known[i]) {
      std::vector<DayRow> of_day;
      for (; row != rows.end() && row->key.day == day; ++row) of_day.push_back(std::move(*row));
      known[i] = std::make_shared<const std::vector<DayRow>>(std::move(of_day));
      kept->keep(day, std::move((*versions)[i]), known[i]);
    }
    all.insert(all.end(), known[i]->begin(), known[i]->end());
    known[i].reset();
  }
  return all;
}

Result<std::optional<RunRecord>> Books::run(const std::string& id_or_name) {
  const auto known = all_of(
      redis_, {{"GET", prefix_ + "run-id:" + id_or_name},
               {"HGET", prefix_ + "names:" + std::to_string(name_part(id_or_name)), id_or_name}});
  if (!known) return fail(known.error());
  std::vector<std::string> keys{id_or_name, ":" + id_or_name};
  for (const auto& element : *known) {
    // After the time by which the latest one is found.
    if (!element.is_nil()) keys.push_back(element.text.substr(element.text.find(' ') + 1));
  }
  return first_of(redis_, prefix_, keys);
}

Result<std::optional<RunRecord>> Books::job(const std::string& job_id) {
  return first_of(redis_, prefix_, {job_id});
}

Result<std::vector<RunRecord>> Books::jobs(const std::vector<std::string>& job_ids) {
  return load(redis_, prefix_, job_ids, Epochs::without);
}

Result<RunList> Books::runs(Time from, Time to, const RunFilter& filter, std::size_t limit) {
  RunList found;
  if (from >= to) return found;
  if (to - from > keep_days)
    return fail(ErrorKind::invalid, "at most 400 days can be asked for at once");
  std::set<std::string> seen;
  const auto first_day = std::chrono::floor<std::chrono::days>(from);
  auto day = std::chrono::floor<std::chrono::days>(to - std::chrono::milliseconds(1));
  for (; day >= first_day; day -= days_at_once) {
    const auto some = std::max(first_day, day - days_at_once + std::chrono::days(1));
    const auto lists = lists_of(redis_, prefix_, some, day);
    if (!lists) return fail(lists.error());
    for (std::size_t first = 0; first < lists->size(); first += slices_at_once) {
      const auto count = std::min(slices_at_once, lists->size() - first);
      const auto keys = unseen(redis_, std::span(*lists).subspan(first, count), seen);
      if (!keys) return fail(keys.error());
      for (std::size_t place = 0; place < keys->size(); place += page) {
        const auto begin = keys->begin() + static_cast<std::ptrdiff_t>(place);
        const auto left = std::min(page, keys->size() - place);
        auto records = load(redis_, prefix_, {begin, begin + static_cast<std::ptrdiff_t>(left)},
                            Epochs::without);
        if (!records) return fail(records.error());
        for (auto& record : *records) {
          if (!matches(record, filter) || !at_work(record, from, to)) continue;
          found.all = found.runs.size() < limit;
          if (!found.all) return found;
          found.runs.push_back(std::move(record));
        }
      }
      found.all = seen.size() <= most_examined_runs;
      if (!found.all) return found;
    }
  }
  return found;
}

Result<bool> Books::surely_more_runs(Time from, Time to, std::size_t most) {
  const auto first_day = std::chrono::ceil<std::chrono::days>(from);
  auto day = std::chrono::floor<std::chrono::days>(to) - std::chrono::days(1);
  std::size_t runs = 0;
  for (; day >= first_day && runs <= most; day -= days_at_once) {
    const auto some = std::max(first_day, day - days_at_once + std::chrono::days(1));
    const auto lists = lists_of(redis_, prefix_, some, day);
    if (!lists) return fail(lists.error());
    std::vector<Redis::Args> commands;
    for (const auto& list : *lists) {
      // The first slice is of those that began earlier, and so stand on the list of another day, too.
      if (!list.ends_with(":0")) commands.push_back({"ZCARD", list});
    }
    const auto counts = all_of(redis_, commands);
    if (!counts) return fail(counts.error());
    for (const auto& count : *counts) runs += static_cast<std::size_t>(count.integer);
  }
  return runs > most;
}

Result<std::size_t> Books::runs_on(sys_days day) {
  const auto lists = lists_of(redis_, prefix_, day, day);
  if (!lists) return fail(lists.error());
  std::vector<Redis::Args> commands;
  for (const auto& list : *lists) commands.push_back({"ZCARD", list});
  const auto counts = all_of(redis_, commands);
  if (!counts) return fail(counts.error());
  std::size_t runs = 0;
  for (const auto& count : *counts) runs += static_cast<std::size_t>(count.integer);
  return runs;
}

Result<std::vector<RunRecord>> Books::history(const std::string& model_type, std::size_t limit) {
  if (limit == 0) return std::vector<RunRecord>();
  const auto reply = redis_.command(latest(prefix_ + "history:" + model_type, 0, limit));
  if (!reply) return fail(reply.error());
  std::vector<std::string> keys;
  for (const auto& element : reply->elements) keys.push_back(element.text);
  return load(redis_, prefix_, keys, Epochs::with);
}

Result<std::vector<double>> Books::accuracies(const RunRecord& run) {
  const auto reply = redis_.command(
      {"LRANGE", prefix_ + "accuracies:" + run_key(run.job_id, run.run_id), "0", "-1"});
  if (!reply) return fail(reply.error());
  return numbers(*reply);
}

Result<TrackRecords> Books::track_records(const std::string& model_type) {
  const auto reply = redis_.command({"HGETALL", prefix_ + "followed:" + model_type});
  if (!reply) return fail(reply.error());
  TrackRecords found;
  const auto& fields = reply->elements;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    const auto& name = fields[i].text;
    const auto colon = std::min(name.find(':'), name.size());
    const auto what = name.substr(colon);
    const double value = number(fields[i + 1].text, 0);
    auto& record = found[name.substr(0, colon)];
    if (what == ":followed") record.followed = static_cast<int>(value);
    if (what == ":kept") record.kept = static_cast<int>(value);
    if (what == ":saved") record.saved_percent_sum = value;
  }
  return found;
}

}  // namespace oppen::cost
