#pragma once
// What a process holds in memory, as the kernel says. Linux only.
#include <cstdint>

namespace oppen::bench {

struct ProcessMemory {
  double resident_mb = 0;  // VmRSS; a MB is 10^6 bytes
  double peak_mb = 0;      // VmHWM
};

// Ends the program when there is no such process.
ProcessMemory process_memory(std::int64_t pid);

}  // namespace oppen::bench
