#include "workers/anomaly/spend/comparison.hpp"

#include <algorithm>
#include <cmath>

namespace oppen::anomaly {
namespace {

// A series is told by its prices alone where four fifths of what goes on cost 5 % more, and all of it 20 %.
constexpr double price_gate = 0.2, well_price = 0.1, price_rises = 0.05, most_of_it = 0.8;
constexpr double well_worth_part = 0.6;  // of the floor
constexpr double slot_ms = 300'000;
// More jobs at once than so many, and so many standard deviations, are not by chance.
constexpr double few_jobs = 5, chance = 3;

Used sum_of(const Workload& workload, const std::vector<std::int64_t>& days) {
  Used sum;
  for (const auto day : days) sum += workload.day(day);
  return sum;
}
double count_of(const std::vector<std::int64_t>& days) {
  return static_cast<double>(std::max<std::size_t>(1, days.size()));
}

double jobs_at_once(const Used& used, Slot slots) {
  return static_cast<double>(std::max<std::int64_t>(0, used.job_ms)) /
         (static_cast<double>(slots) * slot_ms);
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

Comparison::Comparison(const Accounts& accounts, Slot now)
    : accounts_(accounts), now_(now), prices_(all_prices()) {}

Judgement Comparison::judged(const std::string& key, const Series& one) const {
  Bounds bounds{accounts_.floor(), accounts_.first_day(), {}, [&] { return many_jobs(key, one); }};
  if (!accounts_.plans.empty())
    bounds.left_out = [&](std::int64_t day) { return accounts_.is_planned_day(key, day); };
  auto judgement = judge(one, whole(one), now_, bounds);
  if (key.starts_with("gpu_type"))
    if (const auto found = prices_.find(parts_of(key)[1]); found != prices_.end())
      judge_prices(judgement, found->second, rate(key, one, Basis::prices).part);
  return judgement;
}

const Series* Comparison::whole(const Series& part) const {
  const auto found = accounts_.series.find(total_key());
  return found == accounts_.series.end() || &found->second == &part ? nullptr : &found->second;
}

// Jobs that come each by itself are Poisson in number, whatever their lengths (M/G/infinity).
bool Comparison::many_jobs(const std::string& key, const Series& one) const {
  const auto by = rate(key, one, Basis::minutes_20);
  double jobs = 0, usual = 0;
  for (const auto& [name, workload] : accounts_.workloads) {
    if (!contains(key, name)) continue;
    jobs += jobs_at_once(workload.slots(now_, window_slots[minutes_20]), window_slots[minutes_20]);
    usual += jobs_at_once(sum_of(workload, by.usual), slots_a_day) / count_of(by.usual);
  }
  return jobs - usual > few_jobs + chance * std::sqrt(usual);
}

std::map<std::string, Comparison::Prices> Comparison::all_prices() const {
  constexpr std::size_t gpu_type = 3;
  std::map<std::string, Prices> all;
  for (const auto& [name, workload] : accounts_.workloads) {
    if (name.values[gpu_type].empty()) continue;
    const Used lately = workload.slots(now_, window_slots[minutes_20]);
    if (lately.microusd <= 0 || lately.quantity <= 0) continue;
    auto& of = all[name.values[gpu_type]];
    const Used before = sum_of(workload, week_before());
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

void Comparison::judge_prices(Judgement& judgement, const Prices& prices, double part) const {
  if (judgement.history < least_history || prices.before <= 0) return;
  const double index = prices.now / prices.before;
  const double actual = (prices.now + prices.fresh) / part, expected = actual / index;
  if (prices.risen < most_of_it * prices.now) return;
  judgement.still = judgement.still || (index > 1 + well_price &&
                                        actual - expected > well_worth_part * accounts_.floor());
  if (judgement.unusual || index < 1 + price_gate || actual - expected < accounts_.floor()) return;
  judgement.unusual = true;
  judgement.basis = Basis::prices;
  judgement.expected = expected;
  judgement.actual = actual;
}

std::vector<std::int64_t> Comparison::week_before() const {
  const auto today = day_of(now_);
  std::vector<std::int64_t> days;
  for (std::int64_t day = std::max(today - 7, accounts_.first_day()); day < today; ++day)
    days.push_back(day);
  return days;
}

Rate Comparison::rate(const std::string& key, const Series& one, Basis basis) const {
  Rate rate{now_ - window_slots[hours_3], now_, 1, week_before()};
  // What was told or planned of the series was not usual; where there is nothing else, it is what there is.
  std::vector<std::int64_t> usual;
  for (const auto day : rate.usual)
    if (!one.left_out(day) && !accounts_.is_planned_day(key, day)) usual.push_back(day);
  if (!usual.empty()) rate.usual = std::move(usual);
  const Slot midnight = day_of(now_) * slots_a_day;
  if (basis == Basis::hour_1) rate.from = now_ - window_slots[hour_1];
  if (basis == Basis::minutes_20 || basis == Basis::prices)
    rate.from = now_ - window_slots[minutes_20];
  // Of a day that has just begun there is too little.
  if (basis == Basis::today && midnight < rate.from) rate.from = midnight;
  rate.part = one.usual_part(rate.from, now_, whole(one));
  return rate;
}

Used Comparison::used(const Workload& workload, const Rate& rate) const {
  // Beyond three hours only whole days are kept: of today.
  return rate.end - rate.from > window_slots[hours_3]
             ? workload.day(day_of(rate.end))
             : workload.slots(rate.end, rate.end - rate.from);
}

double Comparison::excess(const Workload& workload, const Rate& rate) const {
  return static_cast<double>(used(workload, rate).microusd) / 1e6 / rate.part -
         static_cast<double>(sum_of(workload, rate.usual).microusd) / 1e6 / count_of(rate.usual);
}

WorkloadChange Comparison::change(const WorkloadKey& key, const Workload& workload,
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
  change.jobs_now =
      jobs_at_once(workload.slots(rate.end, window_slots[minutes_20]), window_slots[minutes_20]);
  change.jobs_before = jobs_at_once(before, slots_a_day) / days;
  return change;
}

void Comparison::explain(Finding& finding, const std::string& key, const Series& one,
                         const Judgement& judgement, Time at) const {
  const Rate by = rate(key, one, judgement.basis);
  Question question;
  question.about = finding.labels;
  question.expected_day = judgement.expected;
  question.actual_day = judgement.actual;
  question.until = at + std::chrono::hours(24);
  std::map<std::pair<std::string, std::string>, Seen> seen;
  const auto from = by.from / 12 - 1;
  const auto look_up = [&](const std::string& dimension, const std::string& value) {
    const auto book = accounts_.notes.find(dimension.empty() ? "" : series_key(dimension, value));
    if (book != accounts_.notes.end())
      seen.emplace(std::pair(dimension, value), book->second.since(from));
  };
  look_up("", "");
  for (const auto& [name, workload] : accounts_.workloads) {
    question.jobs_at_once +=
        jobs_at_once(workload.slots(now_, window_slots[minutes_20]), window_slots[minutes_20]);
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

}  // namespace oppen::anomaly
