#include "workers/runtime/memory.hpp"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <span>

namespace oppen::runtime {
namespace {

bool has_text_relocations(const dl_phdr_info& object, const ElfW(Phdr) & dynamic) {
  const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(object.dlpi_addr + dynamic.p_vaddr);
  for (; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_TEXTREL) return true;
    if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0) return true;
  }
  return false;
}

// What can't be written is in its file as it is in memory, unless the loader has relocated it.
int release_read_only(dl_phdr_info* object, std::size_t, void*) {
  const std::span segments(object->dlpi_phdr, object->dlpi_phnum);
  const bool relocated = std::ranges::any_of(segments, [&](const auto& segment) {
    return segment.p_type == PT_DYNAMIC && has_text_relocations(*object, segment);
  });
  if (relocated) return 0;
  const auto page = static_cast<ElfW(Addr)>(sysconf(_SC_PAGESIZE));
  for (const auto& segment : segments) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const auto begin = (object->dlpi_addr + segment.p_vaddr) / page * page;
    const auto size = object->dlpi_addr + segment.p_vaddr + segment.p_memsz - begin;
    madvise(reinterpret_cast<void*>(begin), size, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void return_freed_memory(int busy_threads) {
  mallopt(M_ARENA_MAX, busy_threads);
  // Fixed: by default the first large block that is freed raises both for good, up to 32 MB and 64 MB.
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 256 * 1024);
}

void trim_memory() { malloc_trim(0); }

void release_code() { dl_iterate_phdr(release_read_only, nullptr); }

}  // namespace oppen::runtime
