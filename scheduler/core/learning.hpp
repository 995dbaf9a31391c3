#pragma once
// How long runs take is learned from those that succeed: State::durations and its copy in Redis change together. What is learned is
// stored by the commit that ends the run, so that no run counts twice and none that is told is left out. Core's thread.
#include <string>

#include "scheduler/core/state.hpp"
#include "schemas/job_events.hpp"

namespace oppen::core {

// What earlier terms have learned, into the state. A cell that can't be read is left out, and learned anew. Errors: of the store.
Status load_durations(State& state);

// Learns from a run that succeeded and whose end was told at `told`: how long it took, and how long its attempt held its room beside that.
// `changes` takes what is to be stored; when their commit fails, the term has to end. The same whether the end is told now or read from the
// log, but for what owners' limits say: a record that was rebuilt from the log does not know whose its limit is.
void learn(State& state, const queue::JobRecord& record, const AttemptEnd& end, Time told,
           queue::Changes& changes);

}  // namespace oppen::core
