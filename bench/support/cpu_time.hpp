#pragma once
// What a process has used of the processors. Any thread.
#include <sys/types.h>

namespace oppen::bench {

// User and system time of all threads of this process, in seconds.
double cpu_seconds();
// The same of another process, in hundredths of a second. Ends the program when there is none.
double cpu_seconds(pid_t pid);

}  // namespace oppen::bench
