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

std::vector<EntryChange> Waiting::load(std::map<std::string, Entry> entries) {
  entries_ = std::move(entries);
  std::vector<EntryChange> forgotten;
  std::erase_if(entries_, [&](const auto& one) {
    if (route_.takes(one.second.alert)) return false;
    forgotten.push_back({one.first, {}});
    return true;
  });
  return forgotten;
}

std::optional<EntryChange> Waiting::accept(const Alert& alert, Time told_since) {
  const bool over = alert.state == "resolved";
  const bool too_old = over && alert.ended_at.value_or(alert.started_at) < told_since;
  if (route_.takes(alert) && !too_old) {
    if (entries_.size() >= most_waiting && !entries_.contains(alert.fingerprint)) {
      ++dropped_;
      return std::nullopt;
    }
    auto& entry = entries_[alert.fingerprint];
    entry = {alert, {}};
    return EntryChange{alert.fingerprint, entry};
  }
  // It does not go by this route any more: nothing of it is told again.
  if (entries_.erase(alert.fingerprint) == 0) return std::nullopt;
  return EntryChange{alert.fingerprint, {}};
}

bool Waiting::is_due(const Entry& entry, Time now) const {
  // A clock that was set back delays nothing.
  return !entry.told || *entry.told + route_.repeat <= now || *entry.told > now;
}

std::optional<Message> Waiting::next(Time now) {
  const auto per_minute = static_cast<double>(route_.messages_per_minute);
  const auto passed =
      counted_
          ? std::max(std::chrono::duration<double, std::ratio<60>>(now - *counted_).count(), 0.0)
          : 1.0;
  allowance_ = std::min(allowance_ + passed * per_minute, per_minute);
  counted_ = now;
  if (not_before_ > now + 2 * longest_wait) not_before_ = now;  // the clock was set back
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
    if (told && route_.repeat > 0min && alert.state != "resolved") {
      found->second.told = told;
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

void Waiting::postponed(Time now) {
  under_way_ = false;
  const auto doubled = shortest_wait * (1 << std::min(failures_, 9));
  failures_ += 1;
  // Not all at the same moment, when a receiver that many wait for comes back.
  std::uniform_real_distribution<double> spread(0.8, 1.2);
  const auto wait = std::min<std::chrono::milliseconds>(doubled, longest_wait);
  not_before_ = now + std::chrono::milliseconds(static_cast<std::int64_t>(
                          static_cast<double>(wait.count()) * spread(random_)));
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
