#pragma once
// Day rows in the columns of FOCUS 1.2 (FinOps Open Cost and Usage Specification, https://focus.finops.org/focus-specification/v1-2/):
// all 21 mandatory ones and those others that there is something to say in; what FOCUS has no column for is in columns x_.... CSV as RFC 4180
// has it. Pure; any thread.
//
// A day row becomes up to three lines, one each for GPU (or the CPU-only rate), CPU and memory; they add up to it exactly, so the
// file adds up to what was charged in its days. Amounts are dollars with six decimals. All four costs are the same: nothing is
// invoiced, negotiated or amortised here, and the multipliers of time, priority and spot are part of the price. Unit prices are
// therefore left out (they change with the hour). A correction of an earlier charge is in the line of the day it was charged for.
#include <span>
#include <string>

#include "workers/cost/books/records.hpp"
#include "workers/cost/report/report.hpp"

namespace oppen::cost {

// `idle`: a line for each day and type of GPU, of what nobody took, by x_Resource "Idle GPU"; what was charged is the rest of the file.
std::string to_focus(std::span<const DayRow> days, const ReportFilter& filter,
                     const IdleSums& idle = {});

}  // namespace oppen::cost
