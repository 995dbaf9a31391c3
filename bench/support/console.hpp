#pragma once
// The console's part of a claim about memory.
#include "bench/support/bench.hpp"

namespace oppen::bench {

// A few questions for the queue and its first jobs, so that the console has worked, too.
void ask_console(const Bench& bench);

// What it holds after that, and a bar for its peak.
void report_console_memory(const Bench& bench, Report& report, double below_mb);

}  // namespace oppen::bench
