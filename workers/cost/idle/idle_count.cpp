#include "workers/cost/idle/idle_count.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <sstream>

#include "schemas/parse.hpp"
#include "workers/cost/pricing/pricing.hpp"

namespace oppen::cost {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t idle_million = 1'000'000;
constexpr std::chrono::minutes most_ahead_of_clock{10};
constexpr std::size_t longest_node = 253;  // a DNS subdomain
constexpr std::chrono::hours between_forgettings{1};

std::int64_t ms_of(Time time) { return time.time_since_epoch().count(); }
Time time_at(std::int64_t ms) { return Time(milliseconds(ms)); }

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Charges may be absurd, each and in sum: what does not fit any more is not counted.
void add_what_fits(std::int64_t& sum, std::int64_t amount) {
  std::int64_t result = 0;
  if (!__builtin_add_overflow(sum, amount, &result)) sum = result;
}

std::int64_t list_rate(const pricing::CostModel& model, const std::string& gpu_type) {
  const auto typed = model.gpu_type_hourly.find(gpu_type);
  return typed == model.gpu_type_hourly.end() ? model.gpu_hourly : typed->second;
}

}  // namespace

template <class Each>
void IdleCount::parts_of(const Node& node, Time from, Time to, const Each& each) {
  auto next = std::upper_bound(node.seen.begin(), node.seen.end(), from,
                               [](Time at, const Seen& seen) { return at < seen.from; });
  while (from < to) {
    const Seen* const now = next == node.seen.begin() ? nullptr : &*std::prev(next);
    const Time end = next == node.seen.end() ? to : std::min(to, next->from);
    each(from, end, now);
    from = end;
    if (next != node.seen.end()) ++next;
  }
}

void IdleCount::add(std::int64_t GpuTime::*which, const std::string& node,
                    const std::string& gpu_type, bool spot, std::int64_t micro_gpus, Time from,
                    Time to) {
  while (from < to) {
    const auto day = std::chrono::floor<std::chrono::days>(from);
    const Time end = rates_.next_edge(from, std::min<Time>(to, day + std::chrono::days(1)));
    const auto& model = rates_.at(from);
    const IdleKey key{day, node, gpu_type, list_rate(model, gpu_type),
                      spot ? model.spot_multiplier : idle_million};
    const auto amount = micro_gpus * (end - from).count();
    add_what_fits(added_[{day, idle_field(key, which)}], amount);
    if (day > today_is_) {
      today_is_ = day;
      today_.clear();
    }
    if (day == today_is_) add_what_fits(today_[key].*which, amount);
    from = end;
  }
}

void IdleCount::count_node(const std::string& name, Node& node, Time until) {
  if (node.seen.empty() || until <= node.until) return;
  parts_of(node, counts_from(node), until, [&](Time from, Time to, const Seen* seen) {
    if (!counts(seen)) return;
    add(&GpuTime::capacity, name, *seen->gpu_type, seen->spot, seen->gpus * idle_million, from, to);
    changed_[{"node-until", name}] = std::to_string(ms_of(until));
  });
  node.until = until;
  counted_ = std::max(counted_, until);
}

void IdleCount::store(const std::string& name, const Seen& seen) {
  changed_[{"nodes", fmt::format("{} {:020}", name, ms_of(seen.from))}] = fmt::format(
      "{} {} {:d} {:d} {}", ms_of(seen.told), seen.gpus, seen.spot, seen.up, *seen.gpu_type);
}

bool IdleCount::observe(const NodeObserved& observed, Time at) {
  if (observed.gpus > most_gpus || observed.node.size() > longest_node) return false;
  auto& node = nodes_[observed.node];
  Seen seen{std::max(at, node.until),
            at,
            observed.gpus,
            observed.spot,
            observed.state == "ready" || observed.state == "cordoned",
            named(observed.gpu_type)};
  if (!node.seen.empty()) {
    auto& last = node.seen.back();
    if (at <= last.told) return true;
    // That of a node that is not up may be known longer than up to where it was counted is stored.
    seen.from = std::max(seen.from, last.from);
    const bool same = last.gpus == seen.gpus && last.spot == seen.spot && last.up == seen.up &&
                      last.gpu_type == seen.gpu_type;
    if (same || last.from == seen.from) {
      seen.from = last.from;
      last = seen;
      store(observed.node, seen);
      return true;
    }
  }
  node.seen.push_back(seen);
  store(observed.node, seen);
  return true;
}

void IdleCount::take(std::int64_t offset, PolicyChanged policy) {
  policy.effective_from = std::max(policy.effective_from, counted_);
  if (!rates_.take(policy).value_or(false)) return;
  policy.scheduling_policies.clear();
  std::erase_if(policy.overrides, [](const PolicyOverride& change) {
    return !pricing::is_cost_model_key(change.key);
  });
  const auto field = fmt::format("{:020}", offset);
  policies_[field] = policy.effective_from;
  changed_[{"policies", field}] = to_text(policy);
}

bool IdleCount::charge(const CostAccrued& charge, Time recorded_at) {
  const auto from = std::max(charge.interval_start, since_);
  const auto to = charge.interval_end;
  if (charge.job_id.empty() || charge.gpus.value_or(0) <= 0 || charge.interval_start >= to)
    return true;
  const std::chrono::milliseconds longest = charge.correction ? keep : longest_charge;
  if (*charge.gpus > most_gpus || charge.node.size() > longest_node ||
      to > recorded_at + most_ahead_of_clock || to + keep < recorded_at ||
      charge.interval_start + longest < to)
    return false;
  if (from >= to) return true;
  auto micro_gpus = std::llround(*charge.gpus * static_cast<double>(idle_million));
  if (charge.correction) micro_gpus = -micro_gpus;
  auto& node = nodes_[charge.node];
  count_node(charge.node, node, to);
  // Also where nothing of the node was known: it stays so, when that comes late.
  if (to > node.until) node.until = to;
  changed_[{"node-until", charge.node}] = std::to_string(ms_of(node.until));
  counted_ = std::max(counted_, to);
  parts_of(node, from, to, [&](Time begin, Time end, const Seen* seen) {
    if (counts(seen)) {
      add(&GpuTime::taken, charge.node, *seen->gpu_type, seen->spot, micro_gpus, begin, end);
    } else {
      add(&GpuTime::unknown, charge.node, charge.gpu_type, charge.multipliers.spot != 1, micro_gpus,
          begin, end);
    }
  });
  return true;
}

bool IdleCount::count(Time until, std::size_t most) {
  for (auto& [name, node] : nodes_) {
    while (node.until < until && !node.seen.empty()) {
      if (added_.size() >= most) return false;
      // Of a node that comes late, or was not counted for long, day by day.
      const auto begin = counts_from(node);
      const Time midnight = std::chrono::floor<std::chrono::days>(begin) + std::chrono::days(1);
      count_node(name, node, std::min(until, midnight));
    }
  }
  return true;
}

void IdleCount::forget(Time now) {
  if (now < forgot_ + between_forgettings) return;
  forgot_ = now;
  for (auto at = nodes_.begin(); at != nodes_.end();) {
    auto& [name, node] = *at;
    auto& seen = node.seen;
    // What it was at `now - keep` is still needed, unless it was not there.
    auto first = seen.begin();
    while (
        first != seen.end() && first->from + keep < now &&
        (std::next(first) == seen.end() ? !counts(&*first) : std::next(first)->from + keep < now))
      ++first;
    for (auto old = seen.begin(); old != first; ++old)
      changed_[{"nodes", fmt::format("{} {:020}", name, ms_of(old->from))}] = "";
    seen.erase(seen.begin(), first);
    if (!seen.empty() || node.until + keep >= now) {
      ++at;
      continue;
    }
    changed_[{"node-until", name}] = "";
    at = nodes_.erase(at);
  }
  // The last one that began before still holds.
  while (policies_.size() > 1 && std::next(policies_.begin())->second + keep < now) {
    changed_[{"policies", policies_.begin()->first}] = "";
    policies_.erase(policies_.begin());
  }
}

void IdleCount::take_changes(std::vector<runtime::Cell>& cells) {
  for (const auto& [field, amount] : added_) {
    if (amount == 0) continue;
    cells.push_back({"+" + idle_day(field.first), field.second, std::to_string(amount)});
  }
  added_.clear();
  for (auto& [field, value] : changed_) cells.push_back({field.first, field.second, value});
  changed_.clear();
}

bool IdleCount::load(std::string_view hash, const std::string& field, const std::string& value) {
  if (hash == "node-until") {
    const auto until = whole_number(value);
    if (!until) return false;
    nodes_[field].until = time_at(*until);
    counted_ = std::max(counted_, time_at(*until));
    return true;
  }
  if (hash == "policies") {
    const auto policy = parse_data<PolicyChanged>(nlohmann::json::parse(value, nullptr, false));
    if (!policy || !rates_.take(*policy)) return false;
    policies_[field] = policy->effective_from;
    return true;
  }
  const auto blank = field.rfind(' ');
  if (blank == std::string::npos) return false;
  const auto from = whole_number(std::string_view(field).substr(blank + 1));
  std::istringstream text(value);
  std::int64_t told = 0;
  Seen seen;
  if (!from || !(text >> told >> seen.gpus >> seen.spot >> seen.up) || text.get() != ' ')
    return false;
  std::string gpu_type;
  std::getline(text, gpu_type, '\0');
  seen.from = time_at(*from);
  seen.told = time_at(told);
  seen.gpu_type = named(gpu_type);
  nodes_[field.substr(0, blank)].seen.push_back(seen);
  return true;
}

bool IdleCount::load_day(std::chrono::sys_days day, const std::string& field,
                         const std::string& value) {
  const auto amount = whole_number(value);
  if (day > today_is_) {
    today_is_ = day;
    today_.clear();
  }
  return amount && day == today_is_ && add_idle_field(today_, day, field, *amount);
}

}  // namespace oppen::cost
