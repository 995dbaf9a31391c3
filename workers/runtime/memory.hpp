#pragma once
// What this process keeps in memory: its heap, and the pages of its program and libraries.

namespace oppen::runtime {

// A worker's memory is what it needs, not what it needed once: large blocks go back to the system when
// they are freed, and threads share as few arenas as threads are busy at a time: on fewer they would wait for each other's. Call it first in
// main, before any thread is started.
void return_freed_memory(int busy_threads = 2);

// Gives back what is free at this moment, also between blocks that are in use. Takes about a millisecond; any thread. After work that
// took much and is seldom.
void trim_memory();

// Takes the pages of the program and its libraries out of this process that nobody can write: code and constants. What is needed comes back
// by itself, page by page, from the system's cache of the files. Half of what loading and starting touch is never needed again. Takes a
// fraction of a millisecond; any thread. Once, when a program has started.
void release_code();

}  // namespace oppen::runtime
