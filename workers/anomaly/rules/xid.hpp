#pragma once
// What the codes mean by which NVIDIA's driver reports errors (XID): docs.nvidia.com/deploy/xid-errors. Constants, any thread.
#include <string_view>

namespace oppen::anomaly {

struct Xid {
  int code = 0;
  std::string_view meaning;
  std::string_view of;        // hardware | driver | application
  std::string_view severity;  // of Alert
};

// Of a code that is not known: what the driver reports, a warning.
Xid xid_of(int code);

}  // namespace oppen::anomaly
