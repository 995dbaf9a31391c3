#include "workers/notifier/waiting.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "workers/notifier/message.hpp"

namespace oppen::notifier {
namespace {

using namespace std::chrono_literals;

constexpr auto shortest_wait = 1'000ms;
constexpr auto longest_wait = std::chrono::milliseconds(5min);

// People read a message, programs take more at once.
std::size_t most_alerts(ChannelType type) {
  return type == ChannelType::slack || type == ChannelType::email ? 20 : 200;
}

std::string sha256_hex(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest.at(i));
  return hex;
}

}  // namespace

std::string delivery_id(const std::string& route, const std::vector<Entry>& entries) {
  auto text = route;
  for (const auto& [alert, told] : entries) {
    text += '\n' + alert.alert_id;
    if (told) text += ' ' + to_rfc3339(*told);
  }
  return sha256_hex(text).substr(0, 32);
}

std::size_t Waiting::size() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [&](const auto& one) { return !one.second.told || route_.repeat > 0min; }));
}

std::vector<EntryChange> Waiting::load(std::map<std::string, Entry> entries) {
  entries_ = std::move(entries);
  std::vector<EntryChange> forgotten;
  std::erase_if(entries_, [&](const auto& one) {
    // How grave it was when it was taken in.
    if (route_.takes(one.second.alert)) return false;
    forgotten.push_back({one.first, {}});
    return true;
  });
  return forgotten;
}

std::optional<EntryChange> Waiting::forget(const std::string& fingerprint) {
  if (entries_.erase(fingerprint) == 0) return std::nullopt;
  return EntryChange{fingerprint, {}};
}

// Of those that were told and wait for their end, the one told first gives way.
bool Waiting::make_room(std::vector<EntryChange>& changes) {
  if (entries_.size() < most_waiting) return true;
  auto first = entries_.end();
  for (auto one = entries_.begin(); route_.repeat == 0min && one != entries_.end(); ++one) {
    if (one->second.told && (first == entries_.end() || one->second.told < first->second.told))
      first = one;
  }
  if (first == entries_.end()) return false;
  changes.push_back({first->first, {}});
  entries_.erase(first);
  return true;
}

std::vector<EntryChange> Waiting::accept(const Alert& alert, Time told_since) {
  std::vector<EntryChange> changes;
  const auto known = entries_.find(alert.fingerprint);
  const bool over = alert.state == "resolved";
  const bool too_old = over && alert.ended_at.value_or(alert.started_at) < told_since;
  if (over && (known == entries_.end() || !route_.is_about(alert) || too_old)) {
    if (auto change = forget(alert.fingerprint)) changes.push_back(std::move(*change));
    return changes;
  }
  // The receiver may have what came before, whether that is recorded or not: it is to hear of the end.
  if (!over && !route_.takes(alert)) return changes;
  if (known == entries_.end() && !make_room(changes)) {
    ++dropped_;
    return changes;
  }
  auto& entry = entries_[alert.fingerprint];
  const auto severity = over ? entry.alert.severity : alert.severity;
  entry = {alert, {}};
  entry.alert.severity = severity;
  changes.push_back({alert.fingerprint, entry});
  return changes;
}

bool Waiting::is_due(const Entry& entry, Time now) const {
  if (!entry.told) return true;
  // A clock that was set back delays nothing.
  return route_.repeat > 0min && (*entry.told + route_.repeat <= now || *entry.told > now);
}

std::optional<Message> Waiting::next(Time now) {
  const auto per_minute = static_cast<double>(route_.messages_per_minute);
  const auto passed =
      counted_
          ? std::max(std::chrono::duration<double, std::ratio<60>>(now - *counted_).count(), 0.0)
          : 1.0;
  allowance_ = std::min(allowance_ + passed * per_minute, per_minute);
  counted_ = now;
  if (now < postponed_) not_before_ = now;  // the clock was set back
  if (under_way_ || now < not_before_ || allowance_ < 1) return std::nullopt;

  std::vector<Entry> entries;
  for (const auto& [fingerprint, entry] : entries_) {
    if (is_due(entry, now)) entries.push_back(entry);
  }
  if (entries.empty()) return std::nullopt;
  // What is new first, then what was told the longest ago.
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.told, a.alert.started_at, a.alert.fingerprint) <
           std::tie(b.told, b.alert.started_at, b.alert.fingerprint);
  });
  const auto most = alone_ > 0 ? 1 : most_alerts(route_.channel.type);
  if (entries.size() > most)
    entries.erase(entries.begin() + static_cast<long>(most), entries.end());

  Message message{delivery_id(route_.name, entries), route_.name, {}, now, route_.repeat,
                  entries.front().told.has_value()};
  for (auto& entry : entries) message.alerts.push_back(std::move(entry.alert));
  allowance_ -= 1;
  under_way_ = true;
  return message;
}

std::vector<EntryChange> Waiting::settle(const Message& message, std::optional<Time> told) {
  std::vector<EntryChange> changes;
  for (const auto& alert : message.alerts) {
    const auto found = entries_.find(alert.fingerprint);
    // Another state of it may have come meanwhile, which is still to be told.
    if (found == entries_.end() || found->second.alert.alert_id != alert.alert_id) continue;
    // Where a beginning may have arrived the end is told, though the receiver can't take what lies between.
    const bool has_arrived = told || found->second.told;
    if (alert.state == "updated" || (has_arrived && alert.state == "firing")) {
      found->second.told = told.value_or(message.now);
      changes.push_back({alert.fingerprint, found->second});
    } else {
      entries_.erase(found);
      changes.push_back({alert.fingerprint, {}});
    }
  }
  return changes;
}

std::vector<EntryChange> Waiting::delivered(const Message& message, Time now) {
  under_way_ = false;
  failures_ = 0;
  if (alone_ > 0) --alone_;
  return settle(message, now);
}

void Waiting::postponed(Time now, std::chrono::seconds at_least) {
  under_way_ = false;
  postponed_ = now;
  const auto doubled = shortest_wait * (1 << std::min(failures_, 9));
  failures_ += 1;
  // Not all at the same moment, when a receiver that many wait for comes back.
  std::uniform_real_distribution<double> spread(0.8, 1.2);
  const auto wait = std::min<std::chrono::milliseconds>(doubled, longest_wait);
  const std::chrono::milliseconds spread_wait(
      static_cast<std::int64_t>(static_cast<double>(wait.count()) * spread(random_)));
  not_before_ = now + std::max<std::chrono::milliseconds>(spread_wait, at_least);
}

std::vector<EntryChange> Waiting::refused(const Message& message) {
  under_way_ = false;
  failures_ = 0;
  if (message.alerts.size() > 1) {
    alone_ = message.alerts.size();
    return {};
  }
  if (alone_ > 0) --alone_;
  return settle(message, std::nullopt);
}

bool Waiting::canary_due(std::optional<Time> last, Time now) const {
  return route_.canary > 0min && (!last || *last + route_.canary <= now || *last > now);
}

Message Waiting::canary(Time now) const {
  Alert alert;
  alert.alert_id = fmt::format("{}-{}-{}", canary_kind, route_.name, to_rfc3339(now));
  alert.fingerprint = fmt::format("{}-{}", canary_kind, route_.name);
  alert.kind = canary_kind;
  alert.severity = "info";
  alert.state = "firing";
  alert.started_at = now;
  alert.summary = "The route " + route_.name + " works: this is no alert";
  // What watches for it misses it when three are not there.
  const auto repeat = std::max(route_.canary, std::chrono::minutes(1));
  return {
      delivery_id(route_.name, {{alert, {}}}), route_.name, {std::move(alert)}, now, repeat, false};
}

}  // namespace oppen::notifier
