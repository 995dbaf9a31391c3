#include "bench/support/cpu_time.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "bench/support/must.hpp"

namespace oppen::bench {

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double cpu_seconds(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(std::min(text.rfind(')'), text.size() - 1) + 1));
  std::string field;
  double ticks = 0;
  for (int number = 3; fields >> field; ++number) {
    if (number == 14 || number == 15) ticks += std::stod(field);
  }
  if (ticks == 0) give_up("reading CPU time", "there is no process " + std::to_string(pid));
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace oppen::bench
