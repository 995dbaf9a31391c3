#pragma once
// How long runs take is learned from those that succeed: State::durations and its copy in Redis change together. What is learned is
// stored by the commit that ends the run, so that no run counts twice and none that is told is left out. Core's thread.
#include <string>

#include "scheduler/core/state.hpp"
#include "schemas/job_events.hpp"

namespace oppen::core {

// What earlier terms have learned, into the state. A cell that can't be read is left out, and learned anew. Errors: of the store.
Status load_durations(State& state);

// Learns from a run that succeeded. `changes` takes what is to be stored; when their commit fails, the term has to end.
void learn(State& state, const queue::JobRecord& record, const std::string& gpu_type,
           double seconds, queue::Changes& changes);

// The same from the event that told of it. What owners' limits say is not learned again from the log: a record that was rebuilt from it
// does not know whose its limit is.
void learn(State& state, const queue::JobRecord& record, const JobSucceeded& event,
           queue::Changes& changes);

}  // namespace oppen::core
