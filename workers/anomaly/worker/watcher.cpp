#include "workers/anomaly/worker/watcher.hpp"

#include <algorithm>
#include <charconv>

namespace oppen::anomaly {
namespace {

constexpr auto time_hash = "time";
constexpr auto next_look_field = "next_look";
constexpr auto taken_field = "taken";
constexpr auto passed_field = "passed";
// Of an event's own time. No day is kept longer.
constexpr std::chrono::days oldest_told{100};

template <class All>
bool has(const All& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

Time time_of(const Fact& fact) {
  if (const auto* sample = std::get_if<Sampled>(&fact)) return sample->sampled_at;
  if (const auto* charge = std::get_if<CostAccrued>(&fact)) return charge->interval_end;
  return {};
}

}  // namespace

void Watcher::take(Happening one) {
  if (!next_look_) next_look_ = std::chrono::floor<std::chrono::minutes>(one.at) + between_looks;
  resume(one.at);
  taken_ = one.at;
  changed_ = true;
  if (time_of(one.fact) > one.at + ahead_bound) {
    ++ahead_;
    return;
  }
  one.told = std::clamp(one.told, one.at - oldest_told, one.at);
  if (const auto* sample = std::get_if<Sampled>(&one.fact);
      sample != nullptr && sample->sampled_at + lateness < *next_look_ - between_looks) {
    ++late_;
    return;
  }
  if (const auto* silence = std::get_if<AlertSilence>(&one.fact)) return episodes_.take(*silence);
  if (const auto* feedback = std::get_if<AlertFeedback>(&one.fact)) {
    episodes_.take(*feedback, one.at);
    const auto* episode = episodes_.find(feedback->fingerprint);
    for (const auto& rule : rules_) {
      if (episode != nullptr)
        rule->judged(*episode, *feedback,
                     feedback->until.value_or(one.at + Episodes::planned_lasts));
    }
    return;
  }
  if (!scene_.take(one)) return;
  for (const auto& rule : rules_) rule->take(one, scene_);
}

void Watcher::resume(Time now) {
  if (!passed_) return;
  for (const auto& rule : rules_) rule->resume(now);
  passed_ = false;
}

void Watcher::pass_look() {
  *next_look_ += between_looks;
  passed_ = changed_ = true;
}

std::vector<Said> Watcher::look(const std::vector<Finding>& seen_besides) {
  const auto now = *next_look_;
  resume(now);
  scene_.forget(now);
  scene_.set_open(episodes_.open_kinds());
  std::vector<Finding> found = seen_besides;
  for (const auto& rule : rules_) rule->look(now, scene_, found);
  next_look_ = now + between_looks;
  changed_ = true;
  return episodes_.look(found, now);
}

std::vector<std::string> Watcher::hashes() const {
  std::vector<std::string> all = {time_hash};
  const auto add = [&](const std::vector<std::string>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  add(Scene::hashes());
  add(Episodes::hashes());
  for (const auto& rule : rules_) add(rule->hashes());
  return all;
}

void Watcher::take_changes(std::vector<Cell>& cells) {
  scene_.take_changes(cells);
  episodes_.take_changes(cells);
  for (const auto& rule : rules_) rule->take_changes(cells);
  if (changed_) {
    const auto text = [](Time time) { return std::to_string(time.time_since_epoch().count()); };
    cells.push_back({time_hash, next_look_field, text(*next_look_)});
    cells.push_back({time_hash, taken_field, text(taken_)});
    cells.push_back({time_hash, passed_field, passed_ ? "1" : "0"});
  }
  changed_ = false;
}

bool Watcher::load(const std::string& hash, const std::string& field, const std::string& value) {
  if (hash == time_hash) {
    std::int64_t at = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), at);
    if (error != std::errc{}) return false;
    if (field == next_look_field) next_look_ = Time(std::chrono::milliseconds(at));
    if (field == taken_field) taken_ = Time(std::chrono::milliseconds(at));
    if (field == passed_field) passed_ = at != 0;
    return true;
  }
  if (has(Scene::hashes(), hash)) return scene_.load(hash, field, value);
  if (has(Episodes::hashes(), hash)) return episodes_.load(hash, field, value);
  const auto rule = std::find_if(rules_.begin(), rules_.end(),
                                 [&](const auto& each) { return has(each->hashes(), hash); });
  return rule != rules_.end() && (*rule)->load(hash, field, value);
}

}  // namespace oppen::anomaly
