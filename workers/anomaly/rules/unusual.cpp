// unusual: the cost rate, the queue's depth, the utilisation of GPUs or the number of failures is as it never was, by the default detector of
// workers/anomaly/detect, and clearly worse than the day before. What other rules explain, they tell.
#include <fmt/format.h>

#include <algorithm>

#include "workers/anomaly/detect/state.hpp"
#include "workers/anomaly/rules/live_series.hpp"
#include "workers/anomaly/rules/rules.hpp"

namespace oppen::anomaly {
namespace {

constexpr auto unusual_kind = "unusual";
constexpr auto live_hash = "live_series";
// Charges and samples of an interval are there by then.
constexpr std::chrono::minutes interval_comes_within{2};
// A team, or a type of GPU, beyond these is watched in the total alone.
constexpr std::size_t most_of_a_kind = 50;
constexpr std::chrono::hours series_kept{14 * 24};  // without anything but zeros

struct Watched {
  std::string_view name;
  std::string_view of;  // the label that tells its series apart; the total has none
  Worse worse;
};
constexpr Watched cost_rate{"cost_rate", "team", worse_cost_rate};
constexpr Watched utilization{"gpu_utilization", "gpu_type", worse_utilization};
constexpr Watched queue_depth{"queue_depth", "", worse_queue_depth};
constexpr Watched failures{"failures", "", worse_failures};
constexpr std::array all_watched = {cost_rate, utilization, queue_depth, failures};

struct Use {
  double sum = 0;
  std::int64_t count = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Use, sum, count)

// What has come of ten minutes so far.
struct Interval {
  std::map<std::string, std::int64_t> spent;  // micro-dollars by team
  std::map<std::string, Use> use;             // of GPUs that are held, by type
  int failed = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Interval, spent, use, failed)

std::string key_of(const Watched& watched, const std::string& value) {
  return std::string(watched.name) + ' ' + value;
}

class Unusual : public Rule {
 public:
  void take(const Happening& one, const Scene& /*scene*/) override {
    if (const auto* sample = std::get_if<Sampled>(&one.fact)) {
      if (sample->gpu->pod.empty()) return;
      auto* const interval = interval_of(sample->sampled_at);
      if (interval == nullptr) return;
      auto& use = interval->use[sample->gpu->gpu_type];
      use.sum += sample->utilization_percent;
      ++use.count;
    } else if (const auto* charge = std::get_if<CostAccrued>(&one.fact)) {
      // What is taken back was told of another time, and what is charged for long is no rate of these ten minutes.
      if (charge->correction || charge->interval_end == Time{}) return;
      if (charge->interval_end - charge->interval_start > LiveSeries::interval) return;
      if (auto* const interval = interval_of(charge->interval_end - std::chrono::milliseconds(1)))
        interval->spent[charge->team] += charge->total.value;
    } else if (const auto* change = std::get_if<JobChange>(&one.fact)) {
      if (!change->failure || change->failure == FailureClass::dependency) return;
      if (auto* const interval = interval_of(one.at)) ++interval->failed;
    }
  }

  // While nothing came nothing was there to be measured.
  void resume(Time now) override { begin(now); }

  void look(Time now, const Scene& scene, std::vector<Finding>& found) override {
    const Time ended = std::chrono::floor<Ten>(now - interval_comes_within);
    if (done_ == Time{}) begin(now);
    for (; done_ < ended; done_ += LiveSeries::interval) {
      const auto key = key_at(done_);
      const auto* const known = intervals_.find(key);
      measure(known == nullptr ? Interval{} : *known, scene, done_ + LiveSeries::interval);
      intervals_.erase(key);
    }
    const bool may_be_open = scene.may_be_open(unusual_kind);
    for (const auto& [key, series] : series_) {
      if (series.is_unusual() || may_be_open) found.push_back(tell(key, series));
    }
  }

  std::vector<std::string> hashes() const override { return {intervals_.hash(), live_hash}; }
  void take_changes(std::vector<Cell>& cells) override {
    intervals_.take_changes(cells);
    for (const auto& key : changed_) {
      const auto found = series_.find(key);
      cells.push_back({live_hash, key, found == series_.end() ? "" : save(found->second)});
    }
    changed_.clear();
    if (done_ != stored_) cells.push_back({live_hash, done_field, key_at(done_)});
    stored_ = done_;
  }
  bool load(const std::string& hash, const std::string& field, const std::string& value) override {
    if (hash == intervals_.hash()) return intervals_.load(field, value);
    if (field == done_field) {
      const auto time = parse_rfc3339(value);
      done_ = stored_ = time.value_or(Time{});
      return time.has_value();
    }
    auto series = restore<LiveSeries>(value);
    if (series && watched_of(field) != nullptr) series_[field] = std::move(*series);
    return series.has_value() && series_.contains(field);
  }

 private:
  using Ten = std::chrono::duration<std::int64_t, std::ratio<600>>;
  static_assert(Ten(1) == LiveSeries::interval);
  static constexpr auto done_field = "done";

  // With the next interval: this one began before anything was heard.
  void begin(Time now) {
    done_ = std::chrono::floor<Ten>(now) + LiveSeries::interval;
    intervals_.erase_if([](const Interval&) { return true; });
  }

  static std::string key_at(Time when) { return to_rfc3339(when); }

  // nullptr: it has been judged.
  Interval* interval_of(Time at) {
    const Time from = std::chrono::floor<Ten>(at);
    if (from < done_) return nullptr;
    if (from != last_from_) {
      last_from_ = from;
      last_key_ = key_at(from);
    }
    return &intervals_.at(static_cast<std::uint64_t>(from.time_since_epoch().count()), last_key_);
  }

  void measure(const Interval& interval, const Scene& scene, Time end) {
    constexpr auto intervals_an_hour = std::chrono::hours(1) / LiveSeries::interval;
    // A team that has spent nothing has spent nothing; GPUs of which nothing was heard have no utilisation.
    std::map<std::string, double> rates;
    for (const auto& [key, series] : series_) {
      if (watched_of(key)->name == cost_rate.name) rates[value_of(key)] = 0;
    }
    rates[""] = 0;
    for (const auto& [team, spent] : interval.spent) {
      const double rate = static_cast<double>(spent) / 1e6 * intervals_an_hour;
      rates[""] += rate;
      if (!team.empty()) rates[team] = rate;
    }
    for (const auto& [team, rate] : rates) add(cost_rate, team, rate, end);

    Use all;
    for (const auto& [type, use] : interval.use) {
      all.sum += use.sum;
      all.count += use.count;
      if (!type.empty()) add(utilization, type, use.sum / static_cast<double>(use.count), end);
    }
    if (all.count > 0) add(utilization, "", all.sum / static_cast<double>(all.count), end);

    const auto waiting =
        std::count_if(scene.jobs().begin(), scene.jobs().end(),
                      [](const auto& job) { return job.second.state == "queued"; });
    add(queue_depth, "", static_cast<double>(waiting), end);
    add(failures, "", interval.failed, end);
    for (auto& [key, series] : series_) {
      if (!series.is_unusual() || measured_.contains(key)) continue;
      series.lapse();
      changed_.insert(key);
    }
    measured_.clear();
    for (auto one = series_.begin(); one != series_.end();) {
      if (end < one->second.last_seen() + series_kept || value_of(one->first).empty()) {
        ++one;
        continue;
      }
      changed_.insert(one->first);
      one = series_.erase(one);
    }
  }

  void add(const Watched& watched, const std::string& value, double measured, Time at) {
    const auto key = key_of(watched, value);
    if (!series_.contains(key) && !value.empty()) {
      const auto count = std::count_if(series_.begin(), series_.end(), [&](const auto& one) {
        return one.first.starts_with(key_of(watched, ""));
      });
      if (static_cast<std::size_t>(count) > most_of_a_kind) return;
    }
    series_[key].add(at, measured, watched.worse);
    measured_.insert(key);
    changed_.insert(key);
  }

  static const Watched* watched_of(const std::string& key) {
    const auto* const found =
        std::find_if(all_watched.begin(), all_watched.end(),
                     [&](const Watched& watched) { return key.starts_with(key_of(watched, "")); });
    return found == all_watched.end() ? nullptr : found;
  }
  static std::string value_of(const std::string& key) { return key.substr(key.find(' ') + 1); }

  static Finding tell(const std::string& key, const LiveSeries& series) {
    const auto& watched = *watched_of(key);
    const auto value = value_of(key);
    Labels labels = {{"series", std::string(watched.name)}};
    if (!value.empty()) labels[std::string(watched.of)] = value;
    auto finding = about(unusual_kind, std::move(labels));
    finding.holds = series.is_unusual();
    finding.severity = "info";
    finding.badness = std::fabs(series.value() - series.usual());
    finding.expected = series.usual();
    finding.actual = series.value();
    if (series.usual() != 0) finding.change_percent = (series.value() / series.usual() - 1) * 100;
    finding.summary = sentence(watched, value, series);
    return finding;
  }

  static std::string sentence(const Watched& watched, const std::string& value,
                              const LiveSeries& series) {
    const auto of = value.empty() ? "" : fmt::format(" of {}", value);
    const double now = series.value();
    const double usual = series.usual();
    if (watched.name == cost_rate.name) {
      return fmt::format("The cost rate{} is ${:.2f} an hour, as it never was: ${:.2f} are usual",
                         of, now, usual);
    }
    if (watched.name == utilization.name) {
      return fmt::format(
          "The GPUs{} that are held are used at {:.0f} %, as they never were: {:.0f} % are usual",
          of, now, usual);
    }
    if (watched.name == queue_depth.name) {
      return fmt::format("{:.0f} jobs wait, as never before: {:.0f} are usual", now, usual);
    }
    return fmt::format(
        "{:.0f} attempts failed within ten minutes, as never before: {:.1f} are usual", now, usual);
  }

  Kept<Interval> intervals_{"live_intervals"};
  std::map<std::string, LiveSeries> series_;  // by name and what it is of
  std::set<std::string> measured_;            // in the interval that is being judged
  std::set<std::string> changed_;
  Time done_{};  // all intervals that begin before have been judged
  Time stored_{};
  Time last_from_{};
  std::string last_key_;
};

}  // namespace

std::unique_ptr<Rule> unusual() { return std::make_unique<Unusual>(); }

}  // namespace oppen::anomaly
