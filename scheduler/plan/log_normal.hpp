#pragma once
namespace oppen::plan {

// A duration in seconds: ln(seconds) = ln(p50) + spread z + doubt y, with z and y standard normal: z of each run, y of the estimate, which
// errs alike for all. A p50 of 0: none.
struct LogNormal {
  double p50_seconds = 0;
  double spread = 0;
  double doubt = 0;
};

}  // namespace oppen::plan
