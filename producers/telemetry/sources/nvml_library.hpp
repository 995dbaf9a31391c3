#pragma once
// NVML, opened at run time.
#include <memory>
#include <string>

#include "producers/telemetry/sources/nvml_abi.hpp"
#include "schemas/error.hpp"

namespace oppen::telemetry::nvml {

// The library's functions, the newest version of each that it has. A pointer that may be null says so: an older driver lacks it.
struct Functions {
  Return (*init)() = nullptr;
  Return (*shutdown)() = nullptr;
  const char* (*error_string)(Return) = nullptr;
  Return (*device_count)(unsigned*) = nullptr;
  Return (*device_by_index)(unsigned, Device*) = nullptr;
  Return (*uuid)(Device, char*, unsigned) = nullptr;
  Return (*name)(Device, char*, unsigned) = nullptr;
  // All below: maybe null.
  Return (*utilization)(Device, Utilization*) = nullptr;
  Return (*memory)(Device, Memory*) = nullptr;
  Return (*memory2)(Device, Memory2*) = nullptr;
  Return (*temperature)(Device, int, unsigned*) = nullptr;
  Return (*power)(Device, unsigned*) = nullptr;  // milliwatts
  Return (*ecc_errors)(Device, int, int, unsigned long long*) = nullptr;
  Return (*throttle_reasons)(Device, unsigned long long*) = nullptr;
  Return (*processes)(Device, unsigned*, ProcessInfo*) = nullptr;
  Return (*processes1)(Device, unsigned*, ProcessInfo1*) = nullptr;
  Return (*process_samples)(Device, ProcessSample*, unsigned*, unsigned long long) = nullptr;
  Return (*event_set_create)(EventSet*) = nullptr;
  Return (*event_set_free)(EventSet) = nullptr;
  Return (*event_types)(Device, unsigned long long*) = nullptr;
  Return (*register_events)(Device, unsigned long long, EventSet) = nullptr;
  Return (*event_wait)(EventSet, EventData*, unsigned) = nullptr;
  Return (*gpm_support)(Device, GpmSupport*) = nullptr;
  Return (*gpm_alloc)(GpmSample*) = nullptr;
  Return (*gpm_free)(GpmSample) = nullptr;
  Return (*gpm_sample)(Device, GpmSample) = nullptr;
  Return (*gpm_metrics)(GpmMetricsGet*) = nullptr;

  bool has_events() const {
    return event_set_create != nullptr && event_set_free != nullptr && event_types != nullptr &&
           register_events != nullptr && event_wait != nullptr;
  }
  bool has_gpm() const {
    return gpm_support != nullptr && gpm_alloc != nullptr && gpm_free != nullptr &&
           gpm_sample != nullptr && gpm_metrics != nullptr;
  }
};

// Keeps the library loaded as long as it lives.
class Library {
 public:
  // Errors: not_found (it can't be loaded, or is no NVML).
  static Result<Library> load(const std::string& file);

  const Functions& functions() const { return functions_; }

 private:
  struct Closer {
    void operator()(void* handle) const;
  };

  std::unique_ptr<void, Closer> handle_;
  Functions functions_;
};

}  // namespace oppen::telemetry::nvml
