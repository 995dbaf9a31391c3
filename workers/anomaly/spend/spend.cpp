#include "workers/anomaly/spend/spend.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "workers/anomaly/detect/state.hpp"
#include "workers/anomaly/diagnose/diagnose.hpp"
#include "workers/anomaly/spend/judge.hpp"
#include "workers/anomaly/spend/note_book.hpp"
#include "workers/anomaly/spend/series.hpp"
#include "workers/anomaly/spend/telling.hpp"
#include "workers/anomaly/spend/workloads.hpp"

namespace oppen::anomaly {
namespace {

constexpr std::array<std::string_view, 5> spend_dimensions{"team", "project", "model_type",
                                                           "gpu_type", "namespace"};
constexpr char between = '\x1f';
constexpr std::string_view other = "(other)";
constexpr std::size_t most_planned = 1'000;
constexpr float most_bar = 3, noise_bar = 1.25F;
// While an alert is so young, all that grows in its series is part of it: the jobs of one mistake don't start at once.
constexpr Slot story_grows = 24;
constexpr double same_thing = 0.6;  // part of an excess
constexpr double not_told_yet =
    0.5;  // part of its excess that a series needs to be told beside others
constexpr double as_wide = 1.05;
constexpr double narrower = 0.9;  // of what the wider one usually costs
// A series is told by its prices alone where four fifths of what goes on cost 5 % more, and all of it 20 %.
constexpr double price_gate = 0.2, well_price = 0.1, price_rises = 0.05, most_of_it = 0.8;
constexpr double well_worth_part = 0.6;  // of the floor
// Days that were told of are no baseline, but only the first two of an alert: what goes on is the new level.
constexpr std::int64_t days_left_out = 2;
constexpr Slot most_ahead = 8;  // of charges before what is looked at
constexpr Slot tells_well = slots_a_day;
constexpr double slot_ms = 300'000;

using Values = std::array<std::string, spend_dimensions.size()>;

struct WorkloadKey {
  Values values;
  std::string workload_type;
  bool spot = false;
  auto operator<=>(const WorkloadKey&) const = default;
};

std::string series_key(std::string_view dimension, std::string_view value) {
  return std::string(dimension) + between + std::string(value);
}
const std::string total_key = series_key("scope", "total");

Values values_of(const SpentOn& on) {
  return {on.team, on.project, on.model_type, on.gpu_type, on.pod_namespace};
}

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == between)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::string text_of(const WorkloadKey& key) {
  std::string text;
  for (const auto& value : key.values) (text += value) += between;
  return ((text += key.workload_type) += between) += key.spot ? '1' : '0';
}

std::map<std::string, std::string> labels_of(const std::string& key) {
  const auto parts = parts_of(key);
  return {{parts[0], parts[1]}};
}

struct Planned {
  std::string series;
  Time from, until;
  auto operator<=>(const Planned&) const = default;
};

Used sum_of(const Workload& workload, const std::vector<std::int64_t>& days) {
  Used sum;
  for (const auto day : days) sum += workload.day(day);
  return sum;
}
double count_of(const std::vector<std::int64_t>& days) {
  return static_cast<double>(std::max<std::size_t>(1, days.size()));
}

std::string stored_key(const Planned& planned) {
  return "p:" + planned.series + between + std::to_string(planned.from.time_since_epoch().count()) +
         between + std::to_string(planned.until.time_since_epoch().count());
}

struct Meta {
  static constexpr std::string_view state_name = "spend.1";
  Slot first = 0;  // of the first charge; 0: there was none
  Slot newest = 0;
  std::uint64_t dropped = 0;

  template <class Archive>
  void state(Archive& archive) {
    archive(first, newest, dropped);
  }
};

bool contains(const std::string& series, const WorkloadKey& workload) {
  if (series == total_key) return true;
  for (std::size_t i = 0; i < spend_dimensions.size(); ++i)
    if (series.starts_with(spend_dimensions[i]) && series[spend_dimensions[i].size()] == between)
      return std::string_view(series).substr(spend_dimensions[i].size() + 1) == workload.values[i];
  return false;
}

// In this order what tells the same is told.
std::size_t rank_of(const std::string& series) {
  const auto dimension = series.substr(0, series.find(between));
  const auto found = std::find(spend_dimensions.begin(), spend_dimensions.end(), dimension);
  return found == spend_dimensions.end()
             ? 0
             : 1 + static_cast<std::size_t>(found - spend_dimensions.begin());
}

// The same quantity at the prices before: nothing but prices is left to explain.
void as_before(WorkloadChange& change, const Judgement& judgement) {
  change.cost_before = change.quantity_before > 0
                           ? change.quantity_now * change.cost_before / change.quantity_before
                           : change.cost_now * judgement.expected / judgement.actual;
  change.quantity_before = change.quantity_now;
  change.jobs_before = change.jobs_now;
}

}  // namespace

struct Spend::Inside {
  SpendOptions options;
  Meta meta;
  std::map<std::string, Series> series;
  std::array<std::size_t, spend_dimensions.size()> values{};  // series of each dimension
  std::map<WorkloadKey, Workload> workloads;
  std::map<std::string, NoteBook> notes;  // by series key; "" : of everything
  std::set<Planned> plans;
  std::set<std::string> dirty;

  double floor() const { return static_cast<double>(options.floor.value) / 1e6; }
  std::int64_t first_day() const {
    return day_of(meta.first) + (meta.first % slots_a_day == 0 ? 0 : 1);
  }

  Series& series_of(const std::string& key) {
    const auto found = series.find(key);
    if (found != series.end()) return found->second;
    dirty.insert("s:" + key);
    return series.emplace(key, Series(meta.newest)).first->second;
  }

  // Beyond the bound of its dimension a value is one of the others.
  std::string known(std::size_t dimension, const std::string& value) {
    if (value.empty() || series.contains(series_key(spend_dimensions[dimension], value)))
      return value;
    if (values[dimension] >= options.most_series / spend_dimensions.size())
      return std::string(other);
    ++values[dimension];
    return value;
  }

  void put(const std::string& key, Slot slot, std::int64_t microusd) {
    Series& one = series_of(key);
    one.advance(meta.newest);
    one.add(slot, microusd);
    dirty.insert("s:" + key);
  }

  void put(const WorkloadKey& key, Slot slot, const Used& used) {
    auto found = workloads.find(key);
    if (found == workloads.end()) {
      if (workloads.size() >= options.most_workloads) {
        const WorkloadKey rest{{std::string(other), std::string(other), std::string(other),
                                std::string(other), std::string(other)},
                               "",
                               false};
        if (key != rest) return put(rest, slot, used);
      }
      found = workloads.emplace(key, Workload(meta.newest)).first;
    }
    found->second.advance(meta.newest);
    found->second.add(slot, used);
    dirty.insert("w:" + text_of(key));
  }

  bool is_planned(const std::string& key, Time from, Time until) const {
    return std::any_of(plans.begin(), plans.end(), [&](const Planned& plan) {
      return plan.series == key && plan.from < until && from < plan.until;
    });
  }

  bool is_planned_day(const std::string& key, std::int64_t day) const {
    const Time from{day * slots_a_day * slot_length};
    return is_planned(key, from, from + std::chrono::hours(24));
  }

  const Series* whole(const Series& part) const {
    const auto found = series.find(total_key);
    return found == series.end() || &found->second == &part ? nullptr : &found->second;
  }
  // What the running workloads of a GPU type cost, and would at the prices of the seven days before; dollars in 20 minutes.
  struct Prices {
    double now = 0, before = 0, risen = 0, fresh = 0;
  };
  std::map<std::string, Prices> prices(Slot now) const;
  void judge_prices(Judgement& judgement, const Prices& prices, double part) const;
  void advance(Slot now);
  Judgement judged(const std::string& key, const Series& one, Slot now) const;

  // What a workload spends beyond the usual, in dollars a day, by the present rate that `of` was judged by.
  struct Rate {
    Slot from = 0, end = 0;
    double part = 1;                  // of a day
    std::vector<std::int64_t> usual;  // the days before that it is compared with
  };
  Rate rate(const std::string& key, const Series& one, Basis basis, Slot now) const;
  WorkloadChange change(const WorkloadKey& key, const Workload& workload, const Rate& rate) const;
  double excess(const Workload& workload, const Rate& rate) const;
  Used used(const Workload& workload, const Rate& rate) const;
  // The week before; none from before anything was spent.
  std::vector<std::int64_t> week_before(std::int64_t today) const;
  void explain(Finding& finding, const std::string& key, const Series& one,
               const Judgement& judgement, Time at) const;
};

void Spend::Inside::advance(Slot now) {
  meta.newest = std::max(meta.newest, now);
  for (auto one = series.begin(); one != series.end();) {
    one->second.advance(meta.newest);
    if (one->first != total_key &&
        meta.newest - one->second.last_spent() > Series::days * slots_a_day) {
      for (std::size_t i = 0; i < spend_dimensions.size(); ++i)
        if (parts_of(one->first)[0] == spend_dimensions[i]) --values[i];
      dirty.insert("s:" + one->first);
      one = series.erase(one);
    } else {
      ++one;
    }
  }
  for (auto one = workloads.begin(); one != workloads.end();) {
    one->second.advance(meta.newest);
    if (meta.newest - one->second.last_spent() > Workload::days * slots_a_day) {
      dirty.insert("w:" + text_of(one->first));
      one = workloads.erase(one);
    } else {
      ++one;
    }
  }
  const auto hour = meta.newest / 12;
  for (auto one = notes.begin(); one != notes.end();) {
    one->second.advance(hour);
    if (one->first.empty() || series.contains(one->first) || !one->second.empty()) {
      ++one;
    } else {
      dirty.insert("n:" + one->first);
      one = notes.erase(one);
    }
  }
  const Time oldest{(meta.newest - Series::days * slots_a_day) * slot_length};
  for (auto plan = plans.begin(); plan != plans.end();) {
    if (plan->until < oldest) {
      dirty.insert(stored_key(*plan));
      plan = plans.erase(plan);
    } else {
      ++plan;
    }
  }
}

Judgement Spend::Inside::judged(const std::string& key, const Series& one, Slot now) const {
  Bounds bounds{floor(), first_day(), {}};
  if (!plans.empty()) bounds.left_out = [&](std::int64_t day) { return is_planned_day(key, day); };
  return judge(one, whole(one), now, bounds);
}

std::map<std::string, Spend::Inside::Prices> Spend::Inside::prices(Slot now) const {
  constexpr std::size_t gpu_type = 3;
  std::map<std::string, Prices> all;
  for (const auto& [name, workload] : workloads) {
    if (name.values[gpu_type].empty()) continue;
    const Used lately = workload.slots(now, window_slots[minutes_20]);
    if (lately.microusd <= 0 || lately.quantity <= 0) continue;
    auto& of = all[name.values[gpu_type]];
    const Used before = sum_of(workload, week_before(day_of(now)));
    const double cost = static_cast<double>(lately.microusd) / 1e6;
    if (before.microusd <= 0 || before.quantity <= 0) {
      of.fresh += cost;
      continue;
    }
    const double at_old = static_cast<double>(lately.quantity) *
                          static_cast<double>(before.microusd) / 1e6 /
                          static_cast<double>(before.quantity);
    of.now += cost;
    of.before += at_old;
    if (cost > (1 + price_rises) * at_old) of.risen += cost;
  }
  return all;
}

void Spend::Inside::judge_prices(Judgement& judgement, const Prices& prices, double part) const {
  if (judgement.history < least_history || prices.before <= 0) return;
  const double index = prices.now / prices.before;
  const double actual = (prices.now + prices.fresh) / part, expected = actual / index;
  if (prices.risen < most_of_it * prices.now) return;
  judgement.still =
      judgement.still || (index > 1 + well_price && actual - expected > well_worth_part * floor());
  if (judgement.unusual || index < 1 + price_gate || actual - expected < floor()) return;
  judgement.unusual = true;
  judgement.basis = Basis::prices;
  judgement.expected = expected;
  judgement.actual = actual;
}

std::vector<std::int64_t> Spend::Inside::week_before(std::int64_t today) const {
  std::vector<std::int64_t> days;
  for (std::int64_t day = std::max(today - 7, first_day()); day < today; ++day) days.push_back(day);
  return days;
}

Spend::Inside::Rate Spend::Inside::rate(const std::string& key, const Series& one, Basis basis,
                                        Slot now) const {
  Rate rate{now - window_slots[hours_3], now, 1, week_before(day_of(now))};
  // What was told or planned of the series was not usual; where there is nothing else, it is what there is.
  std::vector<std::int64_t> usual;
  for (const auto day : rate.usual)
    if (!one.left_out(day) && !is_planned_day(key, day)) usual.push_back(day);
  if (!usual.empty()) rate.usual = std::move(usual);
  const Slot midnight = day_of(now) * slots_a_day;
  if (basis == Basis::hour_1) rate.from = now - window_slots[hour_1];
  if (basis == Basis::minutes_20 || basis == Basis::prices)
    rate.from = now - window_slots[minutes_20];
  // Of a day that has just begun there is too little.
  if (basis == Basis::today && midnight < rate.from) rate.from = midnight;
  rate.part = one.usual_part(rate.from, now, whole(one));
  return rate;
}

Used Spend::Inside::used(const Workload& workload, const Rate& rate) const {
  // Beyond three hours only whole days are kept: of today.
  return rate.end - rate.from > window_slots[hours_3]
             ? workload.day(day_of(rate.end))
             : workload.slots(rate.end, rate.end - rate.from);
}

double Spend::Inside::excess(const Workload& workload, const Rate& rate) const {
  return static_cast<double>(used(workload, rate).microusd) / 1e6 / rate.part -
         static_cast<double>(sum_of(workload, rate.usual).microusd) / 1e6 / count_of(rate.usual);
}

WorkloadChange Spend::Inside::change(const WorkloadKey& key, const Workload& workload,
                                     const Rate& rate) const {
  const double days = count_of(rate.usual);
  const Used now = used(workload, rate), before = sum_of(workload, rate.usual);
  WorkloadChange change;
  for (std::size_t i = 0; i < spend_dimensions.size(); ++i)
    change.place[std::string(spend_dimensions[i])] = key.values[i];
  change.workload_type = key.workload_type;
  change.spot = key.spot;
  const auto real = [](std::int64_t whole) {
    return static_cast<double>(std::max<std::int64_t>(0, whole));
  };
  change.cost_now = real(now.microusd) / 1e6 / rate.part;
  change.cost_before = real(before.microusd) / 1e6 / days;
  change.quantity_now = real(now.quantity) / rate.part;
  change.quantity_before = real(before.quantity) / days;
  const Used lately = workload.slots(rate.end, window_slots[minutes_20]);
  change.jobs_now = real(lately.job_ms) / (static_cast<double>(window_slots[minutes_20]) * slot_ms);
  change.jobs_before = real(before.job_ms) / (days * static_cast<double>(slots_a_day) * slot_ms);
  return change;
}

void Spend::Inside::explain(Finding& finding, const std::string& key, const Series& one,
                            const Judgement& judgement, Time at) const {
  const Slot now = slot_of(at);
  const Rate by = rate(key, one, judgement.basis, now);
  Question question;
  question.about = finding.labels;
  question.expected_day = judgement.expected;
  question.actual_day = judgement.actual;
  question.until = at + std::chrono::hours(24);
  std::map<std::pair<std::string, std::string>, Seen> seen;
  const auto from = by.from / 12 - 1;
  const auto look_up = [&](const std::string& dimension, const std::string& value) {
    const auto book = notes.find(dimension.empty() ? "" : series_key(dimension, value));
    if (book != notes.end()) seen.emplace(std::pair(dimension, value), book->second.since(from));
  };
  look_up("", "");
  for (const auto& [name, workload] : workloads) {
    const Used lately = workload.slots(now, window_slots[minutes_20]);
    question.jobs_at_once += static_cast<double>(lately.job_ms) /
                             (static_cast<double>(window_slots[minutes_20]) * slot_ms);
    if (!contains(key, name)) continue;
    question.changes.push_back(change(name, workload, by));
    if (judgement.basis == Basis::prices) as_before(question.changes.back(), judgement);
    for (std::size_t i = 0; i < spend_dimensions.size(); ++i)
      look_up(std::string(spend_dimensions[i]), name.values[i]);
  }
  auto diagnosis = diagnose(question, seen);
  finding.causes = std::move(diagnosis.causes);
  finding.remedy = std::move(diagnosis.remedy);
}

Spend::Spend(SpendOptions options) : inside_(std::make_unique<Inside>()) {
  inside_->options = options;
}
Spend::~Spend() = default;
Spend::Spend(Spend&&) noexcept = default;
Spend& Spend::operator=(Spend&&) noexcept = default;

void Spend::add(const Spending& spending) {
  Inside& in = *inside_;
  const Slot slot = slot_of(spending.start);
  if (in.meta.first == 0) in.meta.first = in.meta.newest = slot;
  in.dirty.insert("meta");
  if ((in.meta.newest - slot) * slot_length > in.options.late) {
    ++in.meta.dropped;
    return;
  }
  in.meta.first = std::min(in.meta.first, slot);
  in.meta.newest = std::max(in.meta.newest, slot);

  WorkloadKey key{values_of(spending.on), spending.on.workload_type, spending.spot};
  in.put(total_key, slot, spending.amount.value);
  for (std::size_t i = 0; i < key.values.size(); ++i) {
    key.values[i] = in.known(i, key.values[i]);
    if (!key.values[i].empty())
      in.put(series_key(spend_dimensions[i], key.values[i]), slot, spending.amount.value);
  }
  // A correction takes back money; how long it ran is told by the others.
  Used used{spending.amount.value, 0, 0};
  if (spending.amount.value >= 0) {
    used.job_ms = (spending.end - spending.start).count();
    used.quantity =
        std::llround(static_cast<double>(used.job_ms) * spending.units * spending.time_multiplier);
  }
  in.put(key, slot, used);
}

void Spend::note(const Note& note) {
  Inside& in = *inside_;
  const auto hour = slot_of(note.at) / 12;
  const auto count = [&](const std::string& key) {
    const auto book = in.notes.try_emplace(key, hour).first;
    book->second.advance(hour);
    book->second.add(hour, note.kind);
    in.dirty.insert("n:" + key);
  };
  count("");
  const Values values = values_of(note.on);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto key = series_key(spend_dimensions[i], values[i]);
    if (values[i].empty() ||
        (in.notes.size() > 2 * in.options.most_series && !in.notes.contains(key)))
      continue;
    count(key);
  }
}

void Spend::planned(const Labels& labels, Time from, Time until) {
  if (labels.size() != 1 || inside_->plans.size() >= most_planned) return;
  const Planned plan{series_key(labels.begin()->first, labels.begin()->second), from, until};
  inside_->plans.insert(plan);
  inside_->dirty.insert(stored_key(plan));
}

void Spend::noise(const Labels& labels) {
  if (labels.size() != 1) return;
  const auto key = series_key(labels.begin()->first, labels.begin()->second);
  const auto found = inside_->series.find(key);
  if (found == inside_->series.end()) return;
  found->second.bar = std::min(most_bar, found->second.bar * noise_bar);
  inside_->dirty.insert("s:" + key);
}

std::vector<Finding> Spend::look(Time at) {
  Inside& in = *inside_;
  if (in.meta.first == 0) return {};
  in.advance(slot_of(at));
  // Some charges may be ahead of those that are still expected.
  const Slot now = std::max(slot_of(at), in.meta.newest - most_ahead);

  struct Candidate {
    const std::string* key;
    Series* series;
    Judgement judgement;
    Inside::Rate rate;
  };
  std::vector<Candidate> candidates, told, well_again;
  std::set<const Workload*> covered;
  const auto each_of = [&](const std::string& key, const auto& function) {
    for (auto& [name, workload] : in.workloads)
      if (contains(key, name)) function(name, workload);
  };
  const auto digest = [](const std::string& key) { return checksum(key); };

  const auto prices = in.prices(now);
  // What is looked at begins with the day, or three hours ago.
  const Time looked_at{std::min(day_of(now) * slots_a_day, now - window_slots[hours_3]) *
                       slot_length};
  for (auto& [key, one] : in.series) {
    const bool planned = in.is_planned(key, looked_at, at + std::chrono::milliseconds(1));
    Candidate candidate{&key, &one, in.judged(key, one, now), {}};
    if (const auto found = prices.find(labels_of(key).begin()->second);
        found != prices.end() && key.starts_with("gpu_type"))
      in.judge_prices(candidate.judgement, found->second,
                      in.rate(key, one, Basis::prices, now).part);
    candidate.rate = in.rate(key, one, candidate.judgement.basis, now);
    if (planned) each_of(key, [&](const auto&, Workload& workload) { covered.insert(&workload); });
    if (one.told != 0 && (planned || !candidate.judgement.still)) {
      one.told = 0;
      one.ended = now;
      each_of(key, [&](const auto& name, Workload& workload) {
        if (workload.told_by != digest(key)) return;
        workload.told_by = 0;
        in.dirty.insert("w:" + text_of(name));
      });
    }
    const bool learns = one.told == 0 && !planned;
    if (learns != one.learns || one.ended == now) in.dirty.insert("s:" + key);
    one.learns = learns;
    if (one.told != 0 && day_of(now) - day_of(one.told) < days_left_out) one.leave_out(day_of(now));
    if (one.told != 0)
      told.push_back(candidate);
    else if (candidate.judgement.unusual && !planned)
      candidates.push_back(candidate);
    if (one.told == 0 && one.ended != 0 && now - one.ended < tells_well)
      well_again.push_back(candidate);
  }

  const auto cover = [&](const Candidate& by) {
    const auto id = digest(*by.key);
    each_of(*by.key, [&](const auto& name, Workload& workload) {
      const bool grows = now - by.series->told <= story_grows && workload.told_by == 0 &&
                         in.excess(workload, by.rate) > 0;
      if (!grows && workload.told_by != id) return;
      if (grows) in.dirty.insert("w:" + text_of(name));
      workload.told_by = id;
      covered.insert(&workload);
    });
  };
  for (const auto& one : told) cover(one);
  const auto tell = [&](const Candidate& one) {
    one.series->told = now;
    one.series->ended = 0;
    one.series->learns = false;
    one.series->leave_out(day_of(now));
    in.dirty.insert("s:" + *one.key);
    cover(one);
    told.push_back(one);
  };
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const Candidate& a, const Candidate& b) { return rank_of(*a.key) < rank_of(*b.key); });
  // What a price explains needs no other explanation.
  for (const auto& one : candidates)
    if (one.judgement.basis == Basis::prices) tell(one);
  std::erase_if(candidates, [](const Candidate& one) { return one.series->told != 0; });

  while (!candidates.empty()) {
    // What the others don't tell of it.
    const auto rest = [&](const Candidate& of, const std::string& within) {
      double sum = 0;
      each_of(*of.key, [&](const auto& name, Workload& workload) {
        if (!covered.contains(&workload) && contains(within, name))
          sum += in.excess(workload, of.rate);
      });
      return sum;
    };
    std::erase_if(candidates, [&](const Candidate& one) {
      const double left = rest(one, *one.key);
      return left < in.floor() || left < not_told_yet * one.judgement.excess();
    });
    if (candidates.empty()) break;
    // The first in order of those that have as much of it.
    Candidate widest = candidates.front();
    for (const auto& one : candidates)
      if (rest(one, *one.key) > as_wide * rest(widest, *widest.key)) widest = one;
    const double all = rest(widest, *widest.key);
    const Candidate* chosen = &widest;
    for (const auto& one : candidates)
      if (one.judgement.expected < narrower * chosen->judgement.expected &&
          rest(widest, *one.key) >= same_thing * all)
        chosen = &one;
    tell(Candidate(*chosen));
    std::erase_if(candidates, [](const Candidate& one) { return one.series->told != 0; });
  }

  std::vector<Finding> findings;
  for (const auto& one : told) {
    auto& finding = findings.emplace_back(spike(labels_of(*one.key), one.judgement, in.floor()));
    in.explain(finding, *one.key, *one.series, one.judgement, at);
  }
  for (const auto& one : well_again)
    if (one.series->told == 0) findings.push_back(well(labels_of(*one.key), one.judgement));
  return findings;
}

std::vector<std::pair<std::string, std::string>> Spend::changed() {
  Inside& in = *inside_;
  std::vector<std::pair<std::string, std::string>> changes;
  for (const auto& key : in.dirty) {
    const auto name = key.substr(std::min<std::size_t>(2, key.size()));
    std::string value;
    if (key == "meta") {
      value = save(in.meta);
    } else if (key.starts_with("s:")) {
      if (const auto found = in.series.find(name); found != in.series.end())
        value = save(found->second);
    } else if (key.starts_with("n:")) {
      if (const auto found = in.notes.find(name); found != in.notes.end())
        value = save(found->second);
    } else if (key.starts_with("w:")) {
      const auto parts = parts_of(name);
      const WorkloadKey workload{
          {parts[0], parts[1], parts[2], parts[3], parts[4]}, parts[5], parts[6] == "1"};
      if (const auto found = in.workloads.find(workload); found != in.workloads.end())
        value = save(found->second);
    } else {
      const bool there = std::any_of(in.plans.begin(), in.plans.end(),
                                     [&](const Planned& plan) { return stored_key(plan) == key; });
      if (there) value = "1";
    }
    changes.emplace_back(key, std::move(value));
  }
  in.dirty.clear();
  return changes;
}

Status Spend::load(const std::string& key, const std::string& value) {
  Inside& in = *inside_;
  const auto name = key.substr(std::min<std::size_t>(2, key.size()));
  const auto parts = parts_of(name);
  const auto take = [&]<class Part>(Result<Part> restored, Part& into) -> Status {
    if (!restored) return fail(restored.error().in_context("reading " + key));
    into = std::move(*restored);
    return {};
  };
  if (key == "meta") return take(restore<Meta>(value), in.meta);
  if (key.starts_with("s:") && parts.size() == 2) {
    auto restored = restore<Series>(value);
    if (!restored) return fail(restored.error().in_context("reading " + key));
    if (in.series.insert_or_assign(name, *restored).second)
      for (std::size_t i = 0; i < spend_dimensions.size(); ++i)
        if (parts[0] == spend_dimensions[i]) ++in.values[i];
    return {};
  }
  if (key.starts_with("n:")) return take(restore<NoteBook>(value), in.notes[name]);
  if (key.starts_with("w:") && parts.size() == 7)
    return take(
        restore<Workload>(value),
        in.workloads[{
            {parts[0], parts[1], parts[2], parts[3], parts[4]}, parts[5], parts[6] == "1"}]);
  if (key.starts_with("p:") && parts.size() == 4) {
    std::array<std::int64_t, 2> times{};
    for (std::size_t i = 0; i < times.size(); ++i) {
      const auto& text = parts[i + 2];
      const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), times[i]);
      if (error != std::errc() || stop != text.data() + text.size())
        return fail(ErrorKind::invalid, key + " is no planned stretch");
    }
    in.plans.insert({series_key(parts[0], parts[1]), Time(std::chrono::milliseconds(times[0])),
                     Time(std::chrono::milliseconds(times[1]))});
    return {};
  }
  return fail(ErrorKind::invalid, key + " is nothing that the rule of daily cost stores");
}

std::uint64_t Spend::dropped_late() const { return inside_->meta.dropped; }
std::size_t Spend::series() const { return inside_->series.size(); }
std::size_t Spend::bytes() const {
  constexpr std::size_t node = 128;  // of the maps, with keys
  return inside_->series.size() * (sizeof(Series) + node) +
         inside_->workloads.size() * (sizeof(Workload) + sizeof(WorkloadKey) + node) +
         inside_->notes.size() * (sizeof(NoteBook) + node);
}

}  // namespace oppen::anomaly
