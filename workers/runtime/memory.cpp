#include "workers/runtime/memory.hpp"

#include <malloc.h>

namespace oppen::runtime {

void return_freed_memory() {
  mallopt(M_ARENA_MAX, 2);
  // Fixed: by default the first large block that is freed raises both for good, up to 32 MB and 64 MB.
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 256 * 1024);
}

void trim_memory() { malloc_trim(0); }

}  // namespace oppen::runtime
