#pragma once
// The whole queue at about one moment: every waiting job as Redis holds it, and what the core knows. Read in small pieces, so that Redis
// serves others in between: what changes meanwhile may be seen before or after its change.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/answers/waiting_list.hpp"
#include "scheduler/core/situation.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::answers {

// Immutable once it is read: any thread.
struct Snapshot {
  core::Situation situation;
  std::shared_ptr<const WaitingList> list;
  std::vector<plan::Window> off_peak;  // when there may be a use for them
  std::chrono::steady_clock::time_point begun{};
  std::chrono::steady_clock::time_point situated{};  // just before the core was asked
  std::chrono::steady_clock::duration took{};
  std::string outdated;  // that nothing newer was to be had for the answer, and why; "" otherwise

  // Borrows this.
  plan::View view() const;
  // Of a waiting job or live attempt, by the index that View::dependencies uses.
  std::string name_of(std::size_t index) const;
};

// How far ahead the off-peak windows are looked up.
inline constexpr int window_days = 30;

class QueueLook {
 public:
  // Asks the core, once the queue is read.
  using Ask = std::function<Result<core::Situation>()>;

  // Borrows the connection; one thread at a time.
  QueueLook(runtime::Redis& redis, const std::string& topic_prefix);

  // Errors: of Redis, and of `ask`; unavailable when `stopped` says so.
  Result<std::shared_ptr<const Snapshot>> read(const Ask& ask,
                                               const std::function<bool()>& stopped);

  // Jobs that wait. Errors: of Redis.
  Result<std::size_t> how_many();
  // The first lines of records; "" where there is none.
  Result<std::vector<std::string>> heads(const std::vector<std::string>& job_ids);

 private:
  Status read_set(const std::string& set, WaitingList& list, std::vector<std::string>& dependents,
                  const std::function<bool()>& stopped);
  Status read_dependencies(const std::vector<std::string>& dependents, WaitingList& list);

  runtime::Redis& redis_;
  std::string prefix_;
};

}  // namespace oppen::answers
