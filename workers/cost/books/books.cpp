#include "workers/cost/books/books.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "workers/cost/books/charge_rows.hpp"
#include "workers/cost/books/run.hpp"

namespace oppen::cost {
namespace {

using runtime::Redis;
using runtime::RedisReply;
using std::chrono::sys_days;

constexpr int page = 500;
constexpr std::size_t most_slices = 1'000;  // of a day: more than there are
// Each has a hash of as many fields as there are teams, projects, models and kinds of GPU together.
constexpr std::chrono::days days_at_once{8};

bool matches(const RunRecord& run, const RunFilter& filter) {
  const auto fits = [](const std::string& wanted, const std::string& is) {
    return wanted.empty() || wanted == is;
  };
  return fits(filter.team, run.team) && fits(filter.project, run.project) &&
         fits(filter.model_type, run.model_type);
}

bool at_work(const RunRecord& run, Time from, Time to) {
  return run.started_at && *run.started_at < to && (!run.ended_at || *run.ended_at > from);
}

enum class Epochs { without, with };

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
  const auto told = redis.pipeline(lists);
  if (!told) return fail(told.error());
  for (std::size_t i = 0; i < whose.size(); ++i) {
    records[whose[i]].epoch_seconds = numbers(told->at(i));
  }
  return records;
}

// The keys at [first, first + count) of a sorted set, the highest first.
Result<std::vector<std::string>> latest(Redis& redis, const std::string& set, std::size_t first,
                                        std::size_t count) {
  std::vector<std::string> keys;
  if (count == 0) return keys;
  const auto reply =
      redis.command({"ZREVRANGE", set, std::to_string(first), std::to_string(first + count - 1)});
  if (!reply) return fail(reply.error());
  for (const auto& element : reply->elements) keys.push_back(element.text);
  return keys;
}

Status add_day(DayRows& found, sys_days day, const RedisReply& reply) {
  const auto& fields = reply.elements;
  if (reply.type == RedisReply::Type::error)
    return fail(ErrorKind::fatal, "the books in Redis: " + reply.text);
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

Books::Books(Redis& redis, const std::string& topic_prefix)
    : redis_(redis), prefix_("{" + topic_prefix + "cost}:") {}

Result<std::vector<DayRow>> Books::days(sys_days from, sys_days to) {
  if (to - from > keep_days)
    return fail(ErrorKind::invalid, "at most 400 days can be asked for at once");
  DayRows found;
  for (auto first = from; first < to; first += days_at_once) {
    std::vector<Redis::Args> commands;
    for (auto day = first; day < std::min(to, first + days_at_once); day += std::chrono::days(1))
      commands.push_back({"HGETALL", prefix_ + "day:" + day_text(day)});
    const auto replies = redis_.pipeline(commands);
    if (!replies) return fail(replies.error());
    for (std::size_t i = 0; i < replies->size(); ++i) {
      const auto added = add_day(found, first + std::chrono::days(i), replies->at(i));
      if (!added) return fail(added.error());
    }
  }
  return found.take();
}

Result<std::optional<RunRecord>> Books::run(const std::string& id_or_name) {
  const auto known = redis_.pipeline(
      {{"GET", prefix_ + "run-id:" + id_or_name},
       {"HGET", prefix_ + "names:" + std::to_string(name_part(id_or_name)), id_or_name}});
  if (!known) return fail(known.error());
  std::vector<std::string> keys{id_or_name, ":" + id_or_name};
  for (const auto& element : *known) {
    if (element.type == RedisReply::Type::error)
      return fail(ErrorKind::fatal, "the books in Redis: " + element.text);
    // After the time by which the latest one is found.
    if (!element.is_nil()) keys.push_back(element.text.substr(element.text.find(' ') + 1));
  }
  return first_of(redis_, prefix_, keys);
}

Result<std::optional<RunRecord>> Books::job(const std::string& job_id) {
  return first_of(redis_, prefix_, {job_id});
}

Result<RunList> Books::runs(Time from, Time to, const RunFilter& filter, std::size_t limit) {
  RunList found;
  if (from >= to) return found;
  if (to - from > keep_days)
    return fail(ErrorKind::invalid, "at most 400 days can be asked for at once");
  std::set<std::string> seen;
  const auto first_day = std::chrono::floor<std::chrono::days>(from);
  auto day = std::chrono::floor<std::chrono::days>(to - std::chrono::milliseconds(1));
  for (; day >= first_day; day -= std::chrono::days(1)) {
    const auto list = prefix_ + "runs:" + day_text(day);
    const auto slices = latest(redis_, list, 0, most_slices);
    if (!slices) return fail(slices.error());
    for (const auto& slice : *slices) {
      for (std::size_t place = 0;; place += page) {
        auto keys = latest(redis_, list + ':' + slice, place, page);
        if (!keys) return fail(keys.error());
        const bool last = keys->size() < page;
        std::erase_if(*keys, [&](const auto& key) { return !seen.insert(key).second; });
        found.all = seen.size() <= most_examined_runs;
        if (!found.all) return found;
        auto records = load(redis_, prefix_, *keys, Epochs::without);
        if (!records) return fail(records.error());
        for (auto& record : *records) {
          if (!matches(record, filter) || !at_work(record, from, to)) continue;
          found.all = found.runs.size() < limit;
          if (!found.all) return found;
          found.runs.push_back(std::move(record));
        }
        if (last) break;
      }
    }
  }
  return found;
}

Result<std::vector<RunRecord>> Books::history(const std::string& model_type, std::size_t limit) {
  const auto keys = latest(redis_, prefix_ + "history:" + model_type, 0, limit);
  if (!keys) return fail(keys.error());
  return load(redis_, prefix_, *keys, Epochs::with);
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
