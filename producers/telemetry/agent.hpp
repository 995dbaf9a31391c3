#pragma once
// The agent's loop: reads each second, publishes what there is, tells how it goes. Runs on the caller's thread.
#include <stop_token>

#include "producers/telemetry/publisher.hpp"
#include "producers/telemetry/wiring.hpp"
#include "workers/runtime/health_server.hpp"

namespace oppen::telemetry {

// Returns when stopped, or at the end of a recording, after what is open has been published.
void run_agent(Wiring& parts, Publisher& publisher, runtime::Health& health, const Clock& clock,
               const std::stop_token& stop);

}  // namespace oppen::telemetry
