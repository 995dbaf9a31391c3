#pragma once
// How the C library's allocator treats this process's memory.

namespace oppen::runtime {

// A worker's memory is what it needs, not what it needed once: large blocks go back to the system when
// they are freed, and threads share two arenas. Call it first in main, before any thread is started.
void return_freed_memory();

// Gives back what is free at this moment, also between blocks that are in use. Takes about a millisecond; any thread. After work that
// took much and is seldom.
void trim_memory();

}  // namespace oppen::runtime
