#include "bench/support/must.hpp"

#include <cstdio>
#include <cstdlib>

namespace oppen::bench {

void give_up(const std::string& doing, const std::string& why) {
  std::fflush(stdout);
  std::fprintf(stderr, "error: while %s: %s\n", doing.c_str(), why.c_str());
  std::_Exit(1);  // without waiting for threads that measure
}

}  // namespace oppen::bench
