#pragma once
// The prefix of the scheduler's keys in Redis. scripts/lib.lua lists the keys.
#include <string>
#include <string_view>

#include "schemas/job.hpp"

namespace oppen::queue {

// "{oppen.scheduler}:" for the topic prefix "oppen.": two installations with different topics can
// share a Redis, and the braces keep all keys in one slot of a Redis Cluster.
inline std::string key_prefix(const std::string& topic_prefix) {
  return "{" + topic_prefix + "scheduler}:";
}

// What the sorted sets of queued jobs are called before the letter of the priority: by what holds the job.
inline constexpr const char* waiting_sets[] = {
    "queue:", "window:", "retry:", "dependent:", "budget:"};

inline char letter(Priority priority) {
  return priority == Priority::urgent ? 'u' : priority == Priority::normal ? 'n' : 'b';
}
inline Priority priority_of(char letter) {
  return letter == 'u' ? Priority::urgent : letter == 'b' ? Priority::background : Priority::normal;
}

}  // namespace oppen::queue
