#pragma once
// What nvidia-smi prints for --query-gpu and --query-compute-apps with --format=csv,noheader (nounits or not), of any driver
// generation. A value that it can't tell ("N/A", "[Not Supported]", "[Unknown Error]", "ERR!", anything in brackets) is absent. Pure
// functions, any thread.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "producers/telemetry/reading.hpp"

namespace oppen::telemetry {

// The fields to ask for, in the order of the columns: for a GPU, `name` last, since it may hold commas.
using Columns = std::vector<std::string>;
Columns gpu_columns();
// gpu_uuid, pid, used_memory
const Columns& process_columns();

// The GPUs that could be named. Errors: invalid (names the line and the column), unavailable (no line speaks of a GPU: what was said
// instead).
Result<std::vector<GpuReading>> parse_gpus(std::string_view text, const Columns& columns);

struct ProcessRow {
  std::string gpu_uuid;
  GpuProcess process;
};

// Errors: invalid.
Result<std::vector<ProcessRow>> parse_processes(std::string_view text);

// Whether it says, instead of a row, that a GPU can't be reached any more.
bool tells_of_lost_gpu(std::string_view text);

// The field of 'Field "..." is not a valid field to query.', which is all that a driver prints that doesn't know one.
std::optional<std::string> unknown_field(std::string_view text);

// The columns without the one that a driver doesn't know, or with its older name instead. Errors: invalid, there is no doing without.
Result<Columns> without(const Columns& columns, const std::string& unknown);

}  // namespace oppen::telemetry
