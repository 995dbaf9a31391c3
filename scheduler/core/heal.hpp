#pragma once
// Brings Redis up to what was published: reads `job-events` from where Redis says it has
// acknowledged them to the end and applies every event that is newer than the job's record. For an
// empty Redis that is the whole log: the queue is rebuilt from facts, not by deciding again. Runs
// before a leader does anything else.
#include <functional>
#include <stop_token>

#include "producers/client/kafka.hpp"
#include "scheduler/core/state.hpp"

namespace oppen::core {

// What one event says of its job's record, when it is newer than `record` (nullopt: there is none
// yet). false: it is not, or it is an event that changes no record. Pure.
bool apply_fact(const CloudEvent& event, std::optional<queue::JobRecord>& record);

struct Healed {
  std::int64_t events = 0;   // read
  std::int64_t applied = 0;  // newer than Redis
};

// Says in state.replay_until up to where commands may have been answered before. `beat` is called all along. Errors: of the store;
// unavailable when Kafka does not answer (repeat); fatal when the log ends before what Redis has acknowledged of it: the message says
// what to do.
Result<Healed> heal(State& state, client::Consumer& consumer, const std::function<void()>& beat,
                    std::stop_token stop);

}  // namespace oppen::core
