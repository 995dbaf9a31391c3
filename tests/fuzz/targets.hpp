#pragma once
// What is fuzzed: the parsers of text that other programs write. Each takes any bytes; beside not crashing, it holds its results
// against what must be true of them, and aborts where it isn't.
#include <string_view>

namespace oppen::fuzz {

void nvidia_smi_gpus(std::string_view text);
void nvidia_smi_processes(std::string_view text);
void dcgm(std::string_view text);
void recording(std::string_view line);

// The one of this name ("dcgm"); null if there is none.
using Target = void (*)(std::string_view);
Target target(std::string_view name);

}  // namespace oppen::fuzz
