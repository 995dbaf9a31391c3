#pragma once
// What is to be told by one route: of each episode the latest state alone, so that it stays small however long the receiver is away.
// Decides what goes out next, and when. Pure: the time is the caller's. One thread.
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "schemas/alerts.hpp"
#include "workers/notifier/channel.hpp"
#include "workers/notifier/route.hpp"

namespace oppen::notifier {

struct Entry {
  Alert alert;
  std::optional<Time> told =
      {};  // when its present state was; it waits to be told again, or to end
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
  // Those that are to be told, now or again.
  std::size_t size() const;
  // By fingerprint, as they were stored, in the place of those that are here. What is under way stays so.
  // Returns what the route does not take any more, and is forgotten.
  std::vector<EntryChange> load(std::map<std::string, Entry> entries);

  // An alert that has come. What the route has taken it tells until the end, which goes with the severity that was told there. What is
  // over and ended before `told_since` is not told any more. Of most_waiting episodes no further one is taken, so that a receiver that is gone
  // for good does not fill the memory; of those that wait for their end alone the one told first is forgotten.
  std::vector<EntryChange> accept(const Alert& alert, Time told_since);
  static constexpr std::size_t most_waiting = 10'000;
  // Alerts that were not taken since the last call.
  std::int64_t take_dropped() { return std::exchange(dropped_, 0); }

  // What is to go out now, if anything; it stays under way until one of the following three is called with it.
  std::optional<Message> next(Time now);
  // It has arrived.
  std::vector<EntryChange> delivered(const Message& message, Time now);
  // It has not, and goes out again later: the wait doubles from a second to five minutes, and is no less than `at_least`.
  void postponed(Time now, std::chrono::seconds at_least = {});
  // The receiver does not want it. Those that were in company are tried one by one: empty then.
  std::vector<EntryChange> refused(const Message& message);

  // When the canary is due, that was last sent at `last`.
  bool canary_due(std::optional<Time> last, Time now) const;
  Message canary(Time now) const;

 private:
  bool is_due(const Entry& entry, Time now) const;
  std::optional<EntryChange> forget(const std::string& fingerprint);
  bool make_room(std::vector<EntryChange>& changes);
  std::vector<EntryChange> settle(const Message& message, std::optional<Time> told);

  Route route_;
  std::map<std::string, Entry> entries_;
  bool under_way_ = false;
  std::size_t alone_ = 0;  // so many go out one by one, since they were refused together
  std::int64_t dropped_ = 0;
  Time not_before_{};
  Time postponed_{};
  int failures_ = 0;             // one after the other
  double allowance_ = 0;         // messages that may go out now
  std::optional<Time> counted_;  // until when the allowance has grown
  std::minstd_rand random_{std::random_device{}()};
};

// "slack": hex digits, the same for the same alerts at the same stage.
std::string delivery_id(const std::string& route, const std::vector<Entry>& entries);

}  // namespace oppen::notifier
