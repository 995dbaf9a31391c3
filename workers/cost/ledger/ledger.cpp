#include "workers/cost/ledger/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "workers/cost/pricing/off_peak.hpp"

namespace oppen::cost {
namespace {

using pricing::Price;

constexpr double million = 1e6;

Price less(const Price& a, const Price& b) {
  return {a.gpu - b.gpu, a.cpu - b.cpu, a.memory - b.memory, a.total - b.total};
}
Price plus(const Price& a, const Price& b) {
  return {a.gpu + b.gpu, a.cpu + b.cpu, a.memory + b.memory, a.total + b.total};
}
bool same(const Price& a, const Price& b) {
  return a.gpu == b.gpu && a.cpu == b.cpu && a.memory == b.memory;
}

CostAccrued::Multipliers multipliers(const pricing::Usage& usage, Time at,
                                     const pricing::CostModel& model) {
  CostAccrued::Multipliers in_force;
  if (pricing::is_off_peak(at, model))
    in_force.time = static_cast<double>(model.off_peak_multiplier) / million;
  if (usage.priority != Priority::normal) {
    in_force.priority =
        static_cast<double>(usage.priority == Priority::urgent ? model.urgent_multiplier
                                                               : model.background_multiplier) /
        million;
  }
  if (usage.spot) in_force.spot = static_cast<double>(model.spot_multiplier) / million;
  return in_force;
}

// job/attempt/from-to, then "/cN" of the N-th correction and "/N" of what is charged after it: an interval that was taken back
// and is charged again is another one.
std::string id_of(const CostAccrued& event, int corrections) {
  auto id = fmt::format("{}/{}/{}-{}", event.job_id.empty() ? event.run_id : event.job_id,
                        event.attempt, event.interval_start.time_since_epoch().count(),
                        event.interval_end.time_since_epoch().count());
  if (corrections > 0) id += fmt::format("/{}{}", event.correction ? "c" : "", corrections);
  return id;
}

// The N of an id.
int corrections_of(const std::string& id) {
  const auto last = id.substr(id.rfind('/') + 1);
  if (last.find('-') != std::string::npos) return 0;
  int number = 0;
  const char* const begin = last.data() + (last.starts_with('c') ? 1 : 0);
  std::from_chars(begin, last.data() + last.size(), number);
  return number;
}

// Charges one attempt.
class Charging {
 public:
  Charging(const pricing::RateHistory& rates, const std::string& job_id, int number,
           Attempt& attempt, std::vector<Charge>& out)
      : rates_(rates), job_id_(job_id), number_(number), attempt_(attempt), out_(out) {}

  // Whether there was anything to charge.
  bool go(std::optional<Time> end, Time time, std::size_t limit) {
    if (!attempt_.started_at || !attempt_.bearer) return false;
    const Time start = *attempt_.started_at;
    if (end) end = std::max(*end, start);  // one that ended before it began has cost nothing
    const bool over = end && *end <= time;
    const auto before = out_.size();
    if (attempt_.until)
      correct(std::max(start, over ? std::min(*attempt_.until, *end) : *attempt_.until));
    attempt_.stale = false;
    Time until = attempt_.until.value_or(start);
    while (out_.size() < limit && !(over && until >= *end)) {
      const Time cut = next_cut(until, over ? *end : Time::max());
      if (cut > time) {
        due_ = std::min(cut, end.value_or(cut));
        break;
      }
      put(until, cut, less(rates_.price(usage(), start, cut), attempt_.charged));
      until = cut;
    }
    if (over && until == *end) {
      if (out_.size() > before) {
        attempt_.final = out_.back().event.final = true;
      } else if (!attempt_.final && out_.size() < limit) {
        put(until, until, {});
        attempt_.final = out_.back().event.final = true;
      }
    }
    return out_.size() > before;
  }

  // When there will be something to charge, after go() within its limit.
  Time due() const { return due_; }

 private:
  const pricing::Usage& usage() const { return attempt_.bearer->usage; }

  Time next_grid(Time after) const {
    const std::chrono::seconds width = is_outside() ? std::chrono::days(1) : grid;
    const auto slot = std::chrono::floor<std::chrono::seconds>(after.time_since_epoch()) / width;
    return Time((slot + 1) * width);
  }

  bool is_outside() const { return number_ == 0; }

  Time next_cut(Time after, Time end) const {
    return rates_.next_edge(after, std::min(next_grid(after), end));
  }

  // What is charged becomes the price up to `to`.
  void correct(Time to) {
    if (!attempt_.stale && to == *attempt_.until) return;
    const Price due = rates_.price(usage(), *attempt_.started_at, to);
    if (same(due, attempt_.charged) && to == *attempt_.until) return;
    ++attempt_.corrections;
    put(to, std::max(to, *attempt_.until), less(due, attempt_.charged), true);
    attempt_.until = to;
  }

  void put(Time from, Time to, const Price& amount, bool correction = false) {
    const auto& bearer = *attempt_.bearer;
    CostAccrued event;
    (is_outside() ? event.run_id : event.job_id) = is_outside() ? job_id_.substr(1) : job_id_;
    event.attempt = number_;
    event.pod = bearer.pod;
    event.pod_namespace = bearer.pod_namespace;
    event.model_type = bearer.model_type;
    event.workload_type = bearer.workload_type;
    event.team = bearer.team;
    event.project = bearer.project;
    event.gpu_type = usage().gpu_type.empty() ? usage().resources.gpu_type : usage().gpu_type;
    event.interval_start = from;
    event.interval_end = to;
    event.gpu = amount.gpu;
    event.cpu = amount.cpu;
    event.memory = amount.memory;
    event.total = amount.total;
    event.multipliers = multipliers(usage(), from, rates_.at(from));
    event.correction = correction;
    const auto& resources = usage().resources;
    event.gpus = resources.gpu_share.value_or(resources.gpus);
    event.cpu_cores = static_cast<double>(resources.cpu_millicores) / 1'000;
    event.memory_bytes = resources.memory_bytes;
    event.node = bearer.node;
    auto id = id_of(event, attempt_.corrections);
    out_.push_back({std::move(id), std::move(event)});
    attempt_.charged = plus(attempt_.charged, amount);
    attempt_.until = to;
    attempt_.final = false;
  }

  const pricing::RateHistory& rates_;
  const std::string& job_id_;
  int number_;
  Attempt& attempt_;
  std::vector<Charge>& out_;
  Time due_ = Time::max();
};

// False: it is no news.
bool apply_fact(Attempt& attempt, const Fact& fact) {
  if (!fact.started_at) {
    // Over, without a word of where it began. That may yet come: it must not run on then.
    if (attempt.ended_at || (attempt.over_by && *attempt.over_by <= *fact.ended_at)) return false;
    attempt.over_by = fact.ended_at;
    if (attempt.until != attempt.over_by) attempt.final = false;
    return true;
  }
  if (fact.ended_at) {
    if (attempt.ended_at && attempt.end_seq <= fact.seq) return false;
    attempt.ended_at = fact.ended_at;
    attempt.end_seq = fact.seq;
  } else if (attempt.ended_at || attempt.started_at) {
    return false;  // the end has told more, or it is told again
  }
  // One that was recalled as final is told of again: it stays as it was charged.
  const bool as_charged = attempt.final && (!fact.ended_at || attempt.until == fact.ended_at) &&
                          (!attempt.started_at || attempt.started_at == fact.started_at);
  attempt.started_at = fact.started_at;
  // Where it was charged, there it is taken back, be it on a node that was not known: of that an event may say less, or more.
  const bool keeps_node = attempt.bearer && (attempt.until || !attempt.bearer->node.empty());
  auto bearer = fact.bearer;
  if (keeps_node) bearer.node = std::move(attempt.bearer->node);
  if (attempt.recalled_node) bearer.node = *std::exchange(attempt.recalled_node, std::nullopt);
  attempt.bearer = std::move(bearer);
  if (as_charged) return true;
  attempt.stale = true;
  attempt.final = false;  // until it is charged to this end: it may be stored before
  return true;
}

}  // namespace

void Ledger::load(const std::string& job_id, Job job) {
  jobs_.emplace(job_id, std::move(job));
  quiet_until_ = {};
}

void Ledger::load_settled(const std::string& job_id, Job job) {
  load(job_id, std::move(job));
  touch(job_id);
}

void Ledger::apply(const Fact& fact) {
  bool news = !knows(fact.job_id);
  auto& job = jobs_[fact.job_id];
  if (fact.started_at || fact.ended_at) news |= apply_fact(job.attempts[fact.attempt], fact);
  news |= tell(job, fact);
  if (news) touch(fact.job_id);
}

void Ledger::apply(const Report& report) {
  if (report.fact) apply(*report.fact);
  tell(jobs_[report.job_id], report);
  touch(report.job_id);
}

bool Ledger::recall(const std::string& id, const CostAccrued& event) {
  const auto key = run_key(event.job_id, event.run_id);
  auto& job = jobs_[key];
  auto& attempt = job.attempts[event.attempt];
  touch(key);
  const int corrections = corrections_of(id);
  if (event.correction) {
    if (corrections <= attempt.corrections) return false;
    attempt.corrections = corrections;
    attempt.until = event.interval_start;
  } else {
    const bool follows = attempt.until && event.interval_start == *attempt.until &&
                         corrections == attempt.corrections;
    if (attempt.until && !follows) return false;
    attempt.corrections = corrections;  // of the first that the log still holds
    attempt.until = event.interval_end;
  }
  if (attempt.bearer) {
    attempt.bearer->node = event.node;
  } else {
    attempt.recalled_node = event.node;
  }
  attempt.charged = plus(attempt.charged, {event.gpu, event.cpu, event.memory, event.total});
  attempt.final = event.final;
  attempt.stale = !event.final;
  tell_charge(job.run, event);
  return true;
}

void Ledger::stored(const std::string& job_id) {
  auto& job = jobs_.at(job_id);
  job.run.new_epoch_seconds.clear();
  job.run.epochs_anew = false;
  job.run.new_accuracies.clear();
  job.run.accuracies_anew = false;
  if (job.settled()) jobs_.erase(job_id);
}

void Ledger::rates_changed() {
  quiet_until_ = {};
  for (auto& [job_id, job] : jobs_) {
    for (auto& [number, attempt] : job.attempts) {
      if (!attempt.final) attempt.stale = true;
    }
  }
}

std::vector<Charge> Ledger::charge(Time time, std::size_t limit) {
  std::vector<Charge> out;
  if (time < quiet_until_) return out;
  Time due = Time::max();
  for (auto& [job_id, job] : jobs_) {
    for (auto& [number, attempt] : job.attempts) {
      if (out.size() >= limit) return out;
      const auto end = job.end_of(number);
      // An end that is known better now, of an attempt that was final, makes it stale or moves it. One that is final without an
      // end has been recalled: its end will be told again.
      if (attempt.final && !attempt.stale && (!end || end == attempt.until)) continue;
      const auto before = out.size();
      Charging charging(*rates_, job_id, number, attempt, out);
      const bool charged = charging.go(end, time, limit);
      due = std::min(due, charging.due());
      if (!charged) continue;
      for (auto charge = before; charge < out.size(); ++charge)
        tell_charge(job.run, out[charge].event);
      touch(job_id);
    }
  }
  if (out.size() < limit) quiet_until_ = due;
  return out;
}

std::vector<std::string> Ledger::take_changed() {
  std::sort(changed_.begin(), changed_.end());
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  return std::exchange(changed_, {});
}

}  // namespace oppen::cost
