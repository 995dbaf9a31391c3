#pragma once
// `oppen-anomaly score`: a CSV of a series in, the same rows with their anomaly scores out. One thread.
#include <iosfwd>
#include <string>

#include "schemas/error.hpp"

namespace oppen::anomaly {

// Reads rows `timestamp,value`, below a line of these names or without one, and writes `timestamp,value,anomaly_score`: a row for each as
// soon as it is there, scored by Novelty from nothing that comes after it. Values go out as they came. An error names `file`, the line, the
// field and what stands there; the rows before it have been written. ErrorKind::fatal: the output can't be written.
Status score(std::istream& in, const std::string& file, std::ostream& out);

}  // namespace oppen::anomaly
