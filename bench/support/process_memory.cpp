#include "bench/support/process_memory.hpp"

#include <fstream>
#include <string>

#include "bench/support/must.hpp"

namespace oppen::bench {

ProcessMemory process_memory(std::int64_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  ProcessMemory memory;
  for (std::string line; std::getline(status, line);) {
    const auto megabytes = [&] { return std::stod(line.substr(6)) * 1024 / 1e6; };
    if (line.starts_with("VmRSS:")) memory.resident_mb = megabytes();
    if (line.starts_with("VmHWM:")) memory.peak_mb = megabytes();
  }
  if (memory.resident_mb == 0)
    give_up("reading memory", "there is no process " + std::to_string(pid));
  return memory;
}

}  // namespace oppen::bench
