#include "workers/anomaly/rules/xid.hpp"

#include <algorithm>
#include <array>

namespace oppen::anomaly {
namespace {

constexpr std::string_view hardware = "hardware";
constexpr std::string_view driver = "driver";
constexpr std::string_view application = "application";

constexpr std::array known = {
    Xid{13, "graphics engine exception", application, "info"},
    Xid{31, "GPU memory page fault", application, "info"},
    Xid{32, "invalid or corrupted push buffer stream", driver, "warning"},
    Xid{38, "driver firmware error", driver, "warning"},
    Xid{43, "GPU stopped processing", application, "info"},
    Xid{45, "preemptive cleanup, due to previous errors", application, "info"},
    Xid{48, "double bit ECC error", hardware, "critical"},
    Xid{54, "auxiliary power is not connected", hardware, "critical"},
    Xid{61, "internal micro-controller breakpoint", driver, "warning"},
    Xid{62, "internal micro-controller halt", hardware, "critical"},
    Xid{63, "ECC page retirement or row remapping", hardware, "warning"},
    Xid{64, "ECC page retirement or row remapping failed", hardware, "critical"},
    Xid{68, "video processor exception", application, "info"},
    Xid{69, "graphics engine class error", application, "info"},
    Xid{74, "NVLink error", hardware, "critical"},
    Xid{79, "GPU has fallen off the bus", hardware, "critical"},
    Xid{92, "high single-bit ECC error rate", hardware, "warning"},
    Xid{94, "contained ECC error", hardware, "warning"},
    Xid{95, "uncontained ECC error", hardware, "critical"},
    Xid{109, "context switch timeout", driver, "warning"},
    Xid{110, "security fault", hardware, "warning"},
    Xid{119, "GSP RPC timeout", driver, "critical"},
    Xid{120, "GSP error", driver, "critical"},
    Xid{121, "C2C link corrected error", hardware, "info"},
    Xid{140, "unrecovered ECC error", hardware, "critical"},
    Xid{143, "GPU initialization failure", hardware, "critical"},
};

}  // namespace

Xid xid_of(int code) {
  const auto* const found =
      std::find_if(known.begin(), known.end(), [&](const Xid& xid) { return xid.code == code; });
  return found == known.end() ? Xid{code, "error reported by the driver", driver, "warning"}
                              : *found;
}

}  // namespace oppen::anomaly
