#include "workers/anomaly/spend/look.hpp"

#include <algorithm>
#include <set>

#include "workers/anomaly/detect/state.hpp"
#include "workers/anomaly/spend/comparison.hpp"
#include "workers/anomaly/spend/telling.hpp"

namespace oppen::anomaly {
namespace {

// While an alert is so young, all that grows in its series is part of it: the jobs of one mistake don't start at once.
constexpr Slot story_grows = 24;
constexpr double same_thing = 0.6;  // part of an excess
constexpr double not_told_yet =
    0.5;  // part of its excess that a series needs to be told beside others
constexpr double as_wide = 1.05;
constexpr double narrower = 0.9;  // of what the wider one usually costs
// Days that were told of are no baseline, but only the first two of an alert: what goes on is the new level.
constexpr std::int64_t days_left_out = 2;
constexpr Slot most_ahead = 8;  // of charges before what is looked at
constexpr Slot tells_well = slots_a_day;

struct Candidate {
  const std::string* key;
  Series* series;
  Judgement judgement;
  Rate rate;
};

class Look {
 public:
  // Some charges may be ahead of those that are still expected.
  Look(Accounts& accounts, Time at)
      : accounts_(accounts),
        at_(at),
        now_(std::max(slot_of(at), accounts.meta.newest - most_ahead)),
        comparison_(accounts, now_) {}

  std::vector<Finding> findings() {
    for (auto& [key, one] : accounts_.series) judge(key, one);
    for (const auto& one : told_) cover(one);
    std::stable_sort(
        candidates_.begin(), candidates_.end(),
        [](const Candidate& a, const Candidate& b) { return rank_of(*a.key) < rank_of(*b.key); });
    // What a price explains needs no other explanation.
    for (const auto& one : candidates_)
      if (one.judgement.basis == Basis::prices) tell(one);
    drop_told();
    while (!candidates_.empty()) tell_greatest();

    std::vector<Finding> findings;
    for (const auto& one : told_) {
      auto& finding =
          findings.emplace_back(spike(labels_of(*one.key), one.judgement, accounts_.floor()));
      comparison_.explain(finding, *one.key, *one.series, one.judgement, at_);
    }
    for (const auto& one : well_again_)
      if (one.series->told == 0) findings.push_back(well(labels_of(*one.key), one.judgement));
    return findings;
  }

 private:
  template <class Function>
  void each_of(const std::string& key, const Function& function) {
    for (auto& [name, workload] : accounts_.workloads)
      if (contains(key, name)) function(name, workload);
  }

  void judge(const std::string& key, Series& one) {
    // What is looked at begins with the day, or three hours ago.
    const Time from{std::min(day_of(now_) * slots_a_day, now_ - window_slots[hours_3]) *
                    slot_length};
    const bool planned = accounts_.is_planned(key, from, at_ + std::chrono::milliseconds(1));
    Candidate candidate{&key, &one, comparison_.judged(key, one), {}};
    candidate.rate = comparison_.rate(key, one, candidate.judgement.basis);
    if (planned)
      each_of(key, [&](const auto&, const Workload& workload) { covered_.insert(&workload); });
    if (one.told != 0 && (planned || !candidate.judgement.still)) end(key, one);
    const bool learns = one.told == 0 && !planned;
    if (learns != one.learns || one.ended == now_) accounts_.changed_series(key);
    one.learns = learns;
    if (one.told != 0 && day_of(now_) - day_of(one.told) < days_left_out)
      one.leave_out(day_of(now_));
    if (one.told != 0)
      told_.push_back(candidate);
    else if (candidate.judgement.unusual && !planned)
      candidates_.push_back(candidate);
    if (one.told == 0 && one.ended != 0 && now_ - one.ended < tells_well)
      well_again_.push_back(candidate);
  }

  void end(const std::string& key, Series& one) {
    one.told = 0;
    one.ended = now_;
    each_of(key, [&](const auto& name, Workload& workload) {
      if (workload.told_by != checksum(key)) return;
      workload.told_by = 0;
      accounts_.changed_workload(name);
    });
  }

  void cover(const Candidate& by) {
    const auto id = checksum(*by.key);
    each_of(*by.key, [&](const auto& name, Workload& workload) {
      const bool grows = now_ - by.series->told <= story_grows && workload.told_by == 0 &&
                         comparison_.excess(workload, by.rate) > 0;
      if (!grows && workload.told_by != id) return;
      if (grows) accounts_.changed_workload(name);
      workload.told_by = id;
      covered_.insert(&workload);
    });
  }

  void tell(const Candidate& one) {
    one.series->told = now_;
    one.series->ended = 0;
    one.series->learns = false;
    one.series->leave_out(day_of(now_));
    accounts_.changed_series(*one.key);
    cover(one);
    told_.push_back(one);
  }

  void drop_told() {
    std::erase_if(candidates_, [](const Candidate& one) { return one.series->told != 0; });
  }

  // What the others don't tell of it, within another one.
  double rest(const Candidate& of, const std::string& within) {
    double sum = 0;
    each_of(*of.key, [&](const auto& name, const Workload& workload) {
      if (!covered_.contains(&workload) && contains(within, name))
        sum += comparison_.excess(workload, of.rate);
    });
    return sum;
  }

  void tell_greatest() {
    std::erase_if(candidates_, [&](const Candidate& one) {
      const double left = rest(one, *one.key);
      return left < accounts_.floor() || left < not_told_yet * one.judgement.excess();
    });
    if (candidates_.empty()) return;
    // The first in order of those that have as much of it.
    const Candidate* widest = &candidates_.front();
    for (const auto& one : candidates_)
      if (rest(one, *one.key) > as_wide * rest(*widest, *widest->key)) widest = &one;
    const double all = rest(*widest, *widest->key);
    const Candidate* chosen = widest;
    for (const auto& one : candidates_)
      if (one.judgement.expected < narrower * chosen->judgement.expected &&
          rest(*widest, *one.key) >= same_thing * all)
        chosen = &one;
    tell(*chosen);
    drop_told();
  }

  Accounts& accounts_;
  Time at_;
  Slot now_;
  Comparison comparison_;
  std::vector<Candidate> candidates_, told_, well_again_;
  std::set<const Workload*> covered_;  // by what is told, or planned
};

}  // namespace

std::vector<Finding> look_at(Accounts& accounts, Time at) {
  if (accounts.meta.first == 0) return {};
  accounts.advance(slot_of(at));
  return Look(accounts, at).findings();
}

}  // namespace oppen::anomaly
