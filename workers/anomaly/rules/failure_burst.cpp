// Many attempts fail within half an hour: of a model, a team, or a class of failures, against what is usual there. A burst is told once, of the
// narrowest of these that holds most of it.
//
// Usual is the mean number of failures in half an hour, over about a week. Told is what exceeds the usual L by 4 of its standard deviations, taken as
// those of a Poisson distribution, sqrt(L), and by one; at least 5 failures, and three in ten of the attempts that ended meanwhile.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "workers/anomaly/rules/rules.hpp"

namespace oppen::anomaly {
namespace {

constexpr std::chrono::minutes window{30};
constexpr double learning = 1.0 / (7 * 24 * 60);  // a look, of which there is one a minute
constexpr int least = 5;
constexpr double least_part = 0.3;
constexpr double most_of_it = 0.8;
constexpr std::size_t most_things = 2'000;
constexpr auto beyond_bounds = "(other)";

struct Ends {
  std::string model_type;
  std::string team;
  std::string failure;                // the class; "": they went well
  std::map<std::string, int> minute;  // since the epoch: how many ended in it
  int total() const {
    int sum = 0;
    for (const auto& [at, count] : minute) sum += count;
    return sum;
  }
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Ends, model_type, team, failure, minute)

struct Usual {
  double failures = 0;  // in a window
  bool on = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Usual, failures, on)

// The narrowest first.
constexpr std::array dimensions = {"model_type", "team", "class"};

std::string value_of(const Ends& ends, std::string_view dimension) {
  const auto& value = dimension == "model_type" ? ends.model_type
                      : dimension == "team"     ? ends.team
                                                : ends.failure;
  return value.empty() ? "(none)" : value;
}

std::string minute_of(Time at) {
  return std::to_string(std::chrono::floor<std::chrono::minutes>(at).time_since_epoch().count());
}

struct Group {
  int failed = 0;
  int ended = 0;
};

class FailureBurst : public Rule {
 public:
  void take(const Happening& one, const Scene& /*scene*/) override {
    if (const auto* change = std::get_if<JobChange>(&one.fact)) {
      const bool over =
          change->what == JobChange::What::ended || change->what == JobChange::What::requeued;
      // What was cancelled before it ran, or waits for others that failed, says nothing.
      if (!over || change->failure == FailureClass::dependency) return;
      const bool cancelled = change->job.state == JobState::cancelled;
      if (cancelled) return;
      add(change->job.model_type, change->job.team,
          change->failure ? std::string(to_string(*change->failure)) : "", one.at);
    } else if (const auto* run = std::get_if<RunCompleted>(&one.fact)) {
      if (!run->job_id.empty()) return;  // the job's events tell it
      add(run->model_type, run->team, run->status == "failed" ? "user_error" : "", one.at);
    }
  }

  void look(Time now, const Scene& /*scene*/, std::vector<Finding>& found) override {
    drop_before(now - window);
    std::vector<std::pair<std::string, std::string>> told;  // dimension and value
    for (const std::string dimension : dimensions) {
      std::map<std::string, Group> groups;
      for (const auto& [key, ends] : ends_.all()) {
        auto& group = groups[value_of(ends, dimension)];
        const int total = ends.total();
        group.ended += total;
        if (!ends.failure.empty()) group.failed += total;
      }
      if (dimension == "class") judge_classes(groups);
      for (auto& [key, usual] : usual_.all()) {
        if (key.starts_with(dimension + " ")) groups.try_emplace(key.substr(dimension.size() + 1));
      }
      for (const auto& [value, group] : groups) {
        if (value == "(none)" && dimension == "class") continue;
        judge(dimension, value, group, told, found);
      }
    }
  }

  std::vector<std::string> hashes() const override { return {ends_.hash(), usual_.hash()}; }
  void take_changes(std::vector<Cell>& cells) override {
    ends_.take_changes(cells);
    usual_.take_changes(cells);
  }
  bool load(const std::string& hash, const std::string& field, const std::string& value) override {
    return hash == ends_.hash() ? ends_.load(field, value) : usual_.load(field, value);
  }

 private:
  void add(std::string model_type, std::string team, std::string failure, Time at) {
    auto key = fmt::format("{} {} {}", model_type, team, failure);
    if (ends_.find(key) == nullptr && ends_.all().size() >= most_things) {
      model_type = team = beyond_bounds;
      key = fmt::format("{} {} {}", beyond_bounds, beyond_bounds, failure);
    }
    auto& ends = ends_.at(key);
    ends.model_type = std::move(model_type);
    ends.team = std::move(team);
    ends.failure = std::move(failure);
    ++ends.minute[minute_of(at)];
  }

  void drop_before(Time from) {
    const auto first = minute_of(from);
    std::vector<std::string> old;
    for (const auto& [key, ends] : ends_.all()) {
      if (ends.minute.empty() || ends.minute.begin()->first < first) old.push_back(key);
    }
    for (const auto& key : old) {
      auto& minutes = ends_.at(key).minute;
      minutes.erase(minutes.begin(), minutes.lower_bound(first));
      if (minutes.empty()) ends_.erase(key);
    }
  }

  // Of a class all ends are those of every attempt.
  static void judge_classes(std::map<std::string, Group>& groups) {
    int all = 0;
    for (const auto& [value, group] : groups) all += group.ended;
    for (auto& [value, group] : groups) group.ended = all;
  }

  void judge(const std::string& dimension, const std::string& value, const Group& group,
             std::vector<std::pair<std::string, std::string>>& told, std::vector<Finding>& found) {
    const auto key = dimension + " " + value;
    const auto* known = usual_.find(key);
    if (known == nullptr && (group.failed == 0 || usual_.all().size() >= most_things)) return;
    const double usual = known == nullptr ? 0 : known->failures;
    const bool was = known != nullptr && known->on;
    const double bound = std::max<double>(least, std::ceil(usual + 4 * std::sqrt(usual) + 1));
    const bool many = group.failed >= least_part * group.ended;
    const bool on = was ? group.failed * 2 >= bound : group.failed >= bound && many;
    const double learned = usual + learning * (group.failed - usual);
    if (!on && group.failed == 0 && learned < 0.01) {
      usual_.erase(key);
    } else {
      usual_.at(key) = {learned, on};
    }
    const bool said = on && !is_within(dimension, value, group.failed, told);
    if (said) told.emplace_back(dimension, value);
    auto finding = about("failure_burst", {{dimension, value}});
    finding.holds = said;
    finding.severity = group.failed >= 4 * bound ? "critical" : "warning";
    finding.badness = group.failed;
    finding.expected = usual;
    finding.actual = group.failed;
    finding.summary =
        fmt::format("{} of {} attempts failed within {} minutes, {} {}: {:.1f} are usual",
                    group.failed, group.ended, window.count(),
                    dimension == "class" ? "failure class" : dimension, value, usual);
    if (said) finding.causes = causes_of(dimension, value, group.failed);
    found.push_back(std::move(finding));
  }

  int failed_in(const std::string& dimension, const std::string& value,
                const std::string& of_dimension, const std::string& of_value) const {
    int sum = 0;
    for (const auto& [key, ends] : ends_.all()) {
      if (!ends.failure.empty() && value_of(ends, dimension) == value &&
          value_of(ends, of_dimension) == of_value)
        sum += ends.total();
    }
    return sum;
  }

  bool is_within(const std::string& dimension, const std::string& value, int failed,
                 const std::vector<std::pair<std::string, std::string>>& told) const {
    return std::any_of(told.begin(), told.end(), [&](const auto& one) {
      return one.first != dimension &&
             failed_in(dimension, value, one.first, one.second) >= most_of_it * failed;
    });
  }

  std::vector<Alert::Cause> causes_of(const std::string& dimension, const std::string& value,
                                      int failed) const {
    std::map<std::pair<std::string, std::string>, int> counts;
    for (const auto& [key, ends] : ends_.all()) {
      if (ends.failure.empty() || value_of(ends, dimension) != value) continue;
      for (const std::string each : dimensions) {
        if (each != dimension) counts[{each, value_of(ends, each)}] += ends.total();
      }
    }
    std::vector<Alert::Cause> causes;
    for (const auto& [what, count] : counts) {
      causes.push_back({what.first, what.second, static_cast<double>(count) / std::max(failed, 1),
                        fmt::format("{} of the {} that failed", count, failed)});
    }
    std::stable_sort(causes.begin(), causes.end(),
                     [](const auto& a, const auto& b) { return a.share > b.share; });
    if (causes.size() > 5) causes.resize(5);
    return causes;
  }

  Kept<Ends> ends_{"attempt_ends"};
  Kept<Usual> usual_{"failures_usual"};
};

}  // namespace

std::unique_ptr<Rule> failure_burst() { return std::make_unique<FailureBurst>(); }

}  // namespace oppen::anomaly
