#include "workers/anomaly/spend/accounts.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "workers/anomaly/detect/state.hpp"

namespace oppen::anomaly {
namespace {

constexpr std::string_view other = "(other)";
constexpr std::size_t most_planned = 1'000;
constexpr float most_bar = 3, noise_bar = 1.25F;

std::string stored_key(const Planned& planned) {
  return "p:" + planned.series + between_parts +
         std::to_string(planned.from.time_since_epoch().count()) + between_parts +
         std::to_string(planned.until.time_since_epoch().count());
}

}  // namespace

Series& Accounts::series_of(const std::string& key) {
  const auto found = series.find(key);
  if (found != series.end()) return found->second;
  dirty_.insert("s:" + key);
  return series.emplace(key, Series(meta.newest)).first->second;
}

// Beyond the bound of its dimension a value is one of the others.
std::string Accounts::known(std::size_t dimension, const std::string& value) {
  if (value.empty() || series.contains(series_key(spend_dimensions[dimension], value)))
    return value;
  if (values_[dimension] >= options.most_series / spend_dimensions.size())
    return std::string(other);
  ++values_[dimension];
  return value;
}

void Accounts::put(const std::string& key, Slot slot, std::int64_t microusd) {
  Series& one = series_of(key);
  one.advance(meta.newest);
  one.add(slot, microusd);
  dirty_.insert("s:" + key);
}

void Accounts::put(const WorkloadKey& key, Slot slot, const Used& used) {
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
  dirty_.insert("w:" + text_of(key));
}

bool Accounts::is_planned(const std::string& key, Time from, Time until) const {
  return std::any_of(plans.begin(), plans.end(), [&](const Planned& plan) {
    return plan.series == key && plan.from < until && from < plan.until;
  });
}

bool Accounts::is_planned_day(const std::string& key, std::int64_t day) const {
  const Time from{day * slots_a_day * slot_length};
  return is_planned(key, from, from + std::chrono::hours(24));
}

void Accounts::advance(Slot now) {
  meta.newest = std::max(meta.newest, now);
  for (auto one = series.begin(); one != series.end();) {
    one->second.advance(meta.newest);
    if (one->first != total_key() &&
        meta.newest - one->second.last_spent() > Series::days * slots_a_day) {
      for (std::size_t i = 0; i < spend_dimensions.size(); ++i)
        if (parts_of(one->first)[0] == spend_dimensions[i]) --values_[i];
      dirty_.insert("s:" + one->first);
      one = series.erase(one);
    } else {
      ++one;
    }
  }
  for (auto one = workloads.begin(); one != workloads.end();) {
    one->second.advance(meta.newest);
    if (meta.newest - one->second.last_spent() > Workload::days * slots_a_day) {
      dirty_.insert("w:" + text_of(one->first));
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
      dirty_.insert("n:" + one->first);
      one = notes.erase(one);
    }
  }
  const Time oldest{(meta.newest - Series::days * slots_a_day) * slot_length};
  for (auto plan = plans.begin(); plan != plans.end();) {
    if (plan->until < oldest) {
      dirty_.insert(stored_key(*plan));
      plan = plans.erase(plan);
    } else {
      ++plan;
    }
  }
}

void Accounts::add(const Spending& spending) {
  const Slot slot = slot_of(spending.start);
  if (meta.first == 0) meta.first = meta.newest = slot;
  dirty_.insert("meta");
  if ((meta.newest - slot) * slot_length > options.late) {
    ++meta.dropped;
    return;
  }
  meta.first = std::min(meta.first, slot);
  meta.newest = std::max(meta.newest, slot);

  WorkloadKey key{values_of(spending.on), spending.on.workload_type, spending.spot};
  put(total_key(), slot, spending.amount.value);
  for (std::size_t i = 0; i < key.values.size(); ++i) {
    key.values[i] = known(i, key.values[i]);
    if (!key.values[i].empty())
      put(series_key(spend_dimensions[i], key.values[i]), slot, spending.amount.value);
  }
  // A correction takes back money; how long it ran is told by the others.
  Used used{spending.amount.value, 0, 0};
  if (spending.amount.value >= 0) {
    used.job_ms = (spending.end - spending.start).count();
    used.quantity =
        std::llround(static_cast<double>(used.job_ms) * spending.units * spending.time_multiplier);
  }
  put(key, slot, used);
}

void Accounts::note(const Note& note) {
  const auto hour = slot_of(note.at) / 12;
  const auto count = [&](const std::string& key) {
    const auto book = notes.try_emplace(key, hour).first;
    book->second.advance(hour);
    book->second.add(hour, note.kind);
    dirty_.insert("n:" + key);
  };
  count("");
  const Values values = values_of(note.on);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto key = series_key(spend_dimensions[i], values[i]);
    if (values[i].empty() || (notes.size() > 2 * options.most_series && !notes.contains(key)))
      continue;
    count(key);
  }
}

void Accounts::planned(const std::string& key, Time from, Time until) {
  if (plans.size() >= most_planned) return;
  const Planned plan{key, from, until};
  plans.insert(plan);
  dirty_.insert(stored_key(plan));
}

void Accounts::noise(const std::string& key) {
  const auto found = series.find(key);
  if (found == series.end()) return;
  found->second.bar = std::min(most_bar, found->second.bar * noise_bar);
  changed_series(key);
}

std::vector<std::pair<std::string, std::string>> Accounts::changed() {
  std::vector<std::pair<std::string, std::string>> changes;
  for (const auto& key : dirty_) {
    const auto name = key.substr(std::min<std::size_t>(2, key.size()));
    std::string value;
    if (key == "meta") {
      value = save(meta);
    } else if (key.starts_with("s:")) {
      if (const auto found = series.find(name); found != series.end()) value = save(found->second);
    } else if (key.starts_with("n:")) {
      if (const auto found = notes.find(name); found != notes.end()) value = save(found->second);
    } else if (key.starts_with("w:")) {
      if (const auto found = workloads.find(workload_key(parts_of(name))); found != workloads.end())
        value = save(found->second);
    } else {
      const bool there = std::any_of(plans.begin(), plans.end(),
                                     [&](const Planned& plan) { return stored_key(plan) == key; });
      if (there) value = "1";
    }
    changes.emplace_back(key, std::move(value));
  }
  dirty_.clear();
  return changes;
}

Status Accounts::load(const std::string& key, const std::string& value) {
  const auto name = key.substr(std::min<std::size_t>(2, key.size()));
  const auto parts = parts_of(name);
  const auto take = [&]<class Part>(Result<Part> restored, Part& into) -> Status {
    if (!restored) return fail(restored.error().in_context("reading " + key));
    into = std::move(*restored);
    return {};
  };
  if (key == "meta") return take(restore<Meta>(value), meta);
  if (key.starts_with("s:") && parts.size() == 2) {
    auto restored = restore<Series>(value);
    if (!restored) return fail(restored.error().in_context("reading " + key));
    if (series.insert_or_assign(name, *restored).second)
      for (std::size_t i = 0; i < spend_dimensions.size(); ++i)
        if (parts[0] == spend_dimensions[i]) ++values_[i];
    return {};
  }
  if (key.starts_with("n:")) return take(restore<NoteBook>(value), notes[name]);
  if (key.starts_with("w:") && parts.size() == 7)
    return take(restore<Workload>(value), workloads[workload_key(parts)]);
  if (key.starts_with("p:") && parts.size() == 4) {
    std::array<std::int64_t, 2> times{};
    for (std::size_t i = 0; i < times.size(); ++i) {
      const auto& text = parts[i + 2];
      const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), times[i]);
      if (error != std::errc() || stop != text.data() + text.size())
        return fail(ErrorKind::invalid, key + " is no planned stretch");
    }
    plans.insert({series_key(parts[0], parts[1]), Time(std::chrono::milliseconds(times[0])),
                  Time(std::chrono::milliseconds(times[1]))});
    return {};
  }
  return fail(ErrorKind::invalid, key + " is nothing that the rule of daily cost stores");
}

}  // namespace oppen::anomaly
