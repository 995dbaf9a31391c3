#pragma once
// The rules and the episodes together: what happens goes in, alerts come out, once a minute of event time. Pure; one thread.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "workers/anomaly/episodes/episodes.hpp"
#include "workers/anomaly/rules/rule.hpp"

namespace oppen::anomaly {

class Watcher {
 public:
  static constexpr std::chrono::minutes between_looks{1};
  // What a sample tells of a time longer ago than this is counted, and goes by unseen.
  static constexpr std::chrono::minutes lateness{10};
  // And so does a sample or a charge of a time so long after it was published.
  static constexpr std::chrono::minutes ahead_bound{5};
  // Where nothing at all came for longer, everything may have been down. Clearly less than the five minutes after which a single
  // node counts as silent: what goes down doesn't do so all at once.
  static constexpr std::chrono::minutes longest_silence{3};

  explicit Watcher(std::vector<std::unique_ptr<Rule>> rules) : rules_(std::move(rules)) {}

  // In order of time; before it every look that is due at that time.
  void take(Happening one);

  // When the next look is due; nullopt: nothing has happened so far.
  std::optional<Time> next_look() const { return next_look_; }
  // Nothing came for so long before the look that is due that there may have been nothing to hear.
  bool is_silent() const { return next_look_ && *next_look_ > taken_ + longest_silence; }
  // That look is left out: nothing is judged. What the rules heard before counts, once there is something to judge again, as heard then.
  void pass_look();
  // The look that is due. `seen_besides`: what others than the rules see at this moment.
  std::vector<Said> look(const std::vector<Finding>& seen_besides);

  const Episodes& episodes() const { return episodes_; }
  std::uint64_t late() const { return late_; }
  std::uint64_t ahead() const { return ahead_; }

  std::vector<std::string> hashes() const;
  void take_changes(std::vector<Cell>& cells);
  // False: it can't be read.
  bool load(const std::string& hash, const std::string& field, const std::string& value);

 private:
  void resume(Time now);

  Scene scene_;
  std::vector<std::unique_ptr<Rule>> rules_;
  Episodes episodes_;
  std::optional<Time> next_look_;
  Time taken_{};          // when the last thing happened
  bool passed_ = false;   // looks, since then
  bool changed_ = false;  // the times, since the last take_changes
  std::uint64_t late_ = 0;
  std::uint64_t ahead_ = 0;
};

}  // namespace oppen::anomaly
