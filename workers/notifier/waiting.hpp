#pragma once
// What is to be told by one route: of each episode the latest state alone, so that it stays small however long the receiver is away.
// Decides what goes out next, and when. Pure: the time is the caller's. One thread.
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "schemas/alerts.hpp"
#include "workers/notifier/channel.hpp"
#include "workers/notifier/route.hpp"

namespace oppen::notifier {

struct Entry {
  Alert alert;
  std::optional<Time> told = {};  // when its present state was; it waits to be told again
};

// A change of what is stored: an entry, or none any more.
struct EntryChange {
  std::string fingerprint;
  std::optional<Entry> entry;
};

class Waiting {
 public:
  explicit Waiting(Route route) : route_(std::move(route)) {}

  const Route& route() const { return route_; }
  std::size_t size() const { return entries_.size(); }
  // By fingerprint, as they were stored, in the place of those that are here. What is under way stays so.
  void load(std::map<std::string, Entry> entries) { entries_ = std::move(entries); }

  // An alert that has come. What is over and ended before `told_since` is not told any more. nullopt: nothing has changed.
  std::optional<EntryChange> accept(const Alert& alert, Time told_since);

  // What is to go out now, if anything; it stays under way until one of the following three is called with it.
  std::optional<Message> next(Time now);
  // It has arrived.
  std::vector<EntryChange> delivered(const Message& message, Time now);
  // It has not, and goes out again later: the wait doubles from a second to five minutes.
  void postponed(Time now);
  // The receiver does not want it. One that was in company is tried alone: empty then.
  std::vector<EntryChange> refused(const Message& message);

  // When the canary is due, that was last sent at `last`.
  bool canary_due(std::optional<Time> last, Time now) const;
  Message canary(Time now) const;

 private:
  std::optional<Time> due(const Entry& entry) const;
  std::vector<EntryChange> settle(const Message& message, std::optional<Time> told);

  Route route_;
  std::map<std::string, Entry> entries_;
  bool under_way_ = false;
  bool alone_ = false;  // the next one, since the last were refused together
  Time not_before_{};
  int failures_ = 0;             // one after the other
  double allowance_ = 0;         // messages that may go out now
  std::optional<Time> counted_;  // until when the allowance has grown
  std::minstd_rand random_{std::random_device{}()};
};

// "slack": hex digits, the same for the same alerts at the same stage.
std::string delivery_id(const std::string& route, const std::vector<Entry>& entries);

}  // namespace oppen::notifier
