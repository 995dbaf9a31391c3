#pragma once
// Why a job waits, for programs (kind and fields) and for people (sentence). Plain values, any
// thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schemas/time.hpp"

namespace oppen::plan {

struct Reason {
  // Named to_string(kind) in every answer.
  enum class Kind {
    waiting_for_slot,  // `taken` of `slots` are: it is the next
    quota,  // `quota` has `free` of `resource`, it needs `need`: it is the next, or that is more than `allowed`
    behind,        // `job` is the next, which waits for `because`; `count` jobs are before this
    reserved_for,  // it would fit now, but would delay `job` past `until`, or at all
    depends_on,    // `job` has not succeeded yet, nor have `count` - 1 others
    window,        // the off-peak window opens at `until`
    retry_hold,    // it failed and is tried again at `until`
    budget_hold,   // `budget` has no room for it: `because`; `until` its period ends
    paused,        // the queue is, until `until` where that is known
    never_fits     // `because`
  };
  Kind kind = Kind::waiting_for_slot;
  std::string job;
  std::int64_t count = 0;
  std::int64_t slots = 0;
  std::int64_t taken = 0;
  std::string quota;
  std::string resource;  // "gpus", "cpu_millicores", "memory_bytes", "pods"
  std::int64_t need = 0;
  std::int64_t free = 0;
  std::int64_t allowed = 0;  // by `quota`, in all; less than `need`: it fits once that is raised
  std::optional<Time> until;
  std::string budget;
  std::string because;

  // Without a subject, to be put behind a job's name: "waits for quota ml-training-quota: needs 2
  // gpus, 1 gpu free".
  std::string sentence() const;
  bool operator==(const Reason&) const = default;
};

// "waiting_for_slot", ...
std::string_view to_string(Reason::Kind kind);

// "the queue is paused until 2026-01-03T18:15:00.000Z"
std::string paused_text(const std::optional<Time>& until);

// "2 gpus", "1 gpu", "1500m cpu", "2Gi memory"
std::string readable(const std::string& resource, std::int64_t amount);

}  // namespace oppen::plan
