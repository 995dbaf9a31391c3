#pragma once
// One look at whether everything agrees: the sums that Redis keeps, the queue and the live attempts in Redis, what the leader believes,
// the pods and the quotas. Reads Redis in small pieces with pauses, and asks the leader's core for a copy of what it follows; changes
// nothing.
//
// Each look checks every sum, every live attempt, every pod and quota, and in turns some 25,000 of the queued jobs: a million take 40
// looks. The sums of cost and time over a queue are checked when it did not change while it was gone through. What is not checked here:
// ended jobs, and jobs whose record is in no set (oppen-scheduler --verify does both).
//
// One thread, not the core's.
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "scheduler/core/compare.hpp"
#include "scheduler/core/redis_look.hpp"
#include "scheduler/kube/survey.hpp"
#include "schemas/time.hpp"

namespace oppen::core {

// What the leader believes, as of one moment on its core's thread.
struct Belief {
  queue::Counters counters;
  std::vector<LiveView> live;
};

// Goes through the queues page by page, over as many looks as it takes.
class QueueWalk {
 public:
  explicit QueueWalk(RedisLook& redis) : redis_(redis) {}
  // Up to `pages`, with `rest` between two of them (false: stop); ends early when every queue has been gone through.
  Status go_on(int pages, const std::function<bool()>& rest, std::vector<Drift>& drifts);

 private:
  static constexpr int page_size = 100;
  void begin(Priority priority);

  RedisLook& redis_;
  Priority priority_ = Priority::urgent;
  std::size_t set_ = 0;  // of queue::waiting_sets
  std::int64_t after_ = -1;
  Sums before_;           // the sums of this queue at its first page; empty: not begun
  bool changed_ = false;  // since then
  Sums seen_;             // what its records add up to
};

class Audit {
 public:
  struct Sources {
    RedisLook& redis;
    kube::Survey& survey;
    const Clock& clock;
    std::int64_t epoch;                               // of the leader
    std::function<std::optional<Belief>()> believed;  // nullopt: no answer any more
  };
  explicit Audit(Sources sources) : sources_(std::move(sources)), walk_(sources_.redis) {}

  // All differences of this look, also those that only something between two reads made: see Confirmed. Errors: of Redis. That the API
  // server does not answer leaves out the pods and quotas.
  Result<std::vector<Drift>> look(std::stop_token stop);

 private:
  Status check_live(const Belief& belief, const std::function<bool()>& rest,
                    std::vector<Drift>& drifts);
  void check_pods(const Belief& belief, std::vector<Drift>& drifts);

  Sources sources_;
  QueueWalk walk_;
};

}  // namespace oppen::core
