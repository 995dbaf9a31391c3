#pragma once
// What the process has used of the processors. Any thread.

namespace oppen::bench {

// User and system time of all its threads, in seconds.
double cpu_seconds();

}  // namespace oppen::bench
