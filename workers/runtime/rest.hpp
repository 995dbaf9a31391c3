#pragma once
// Waits, and is woken when it is asked to stop. Any thread.
#include <chrono>
#include <stop_token>

namespace oppen::runtime {

// False when stopped.
bool rest(std::chrono::milliseconds duration, const std::stop_token& stop);

}  // namespace oppen::runtime
