#pragma once
// Readings from a recording (recording.hpp), in its order and as fast as they are asked for, with the times that were recorded.
#include <chrono>
#include <memory>
#include <string>

#include "producers/telemetry/reading.hpp"

namespace oppen::telemetry {

// "-" is standard input. A line that is wrong is an invalid error of one read(), naming the file and the line; the next read() goes
// on behind it. Where a pipe has nothing for `patience`, read() is unavailable, and the next one goes on. Errors here: not_found,
// unavailable (the file can't be opened).
Result<std::unique_ptr<Source>> open_replay(
    const std::string& path, std::chrono::milliseconds patience = std::chrono::seconds(5));

}  // namespace oppen::telemetry
