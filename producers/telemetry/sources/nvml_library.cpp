#include "producers/telemetry/sources/nvml_library.hpp"

#include <dlfcn.h>

#include <initializer_list>

namespace oppen::telemetry::nvml {
namespace {

// The first of the names that the library has. False: none.
template <class Function>
bool find(void* handle, Function*& into, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (void* symbol = ::dlsym(handle, name); symbol != nullptr) {
      into = reinterpret_cast<Function*>(symbol);
      return true;
    }
  }
  return false;
}

}  // namespace

void Library::Closer::operator()(void* handle) const { ::dlclose(handle); }

Result<Library> Library::load(const std::string& file) {
  Library library;
  library.handle_.reset(::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!library.handle_) {
    const char* why = ::dlerror();
    return fail(ErrorKind::not_found, why == nullptr ? file + " can't be loaded" : why);
  }
  void* handle = library.handle_.get();
  Functions& f = library.functions_;
  const bool complete =
      find(handle, f.init, {"nvmlInit_v2", "nvmlInit"}) &&
      find(handle, f.shutdown, {"nvmlShutdown"}) &&
      find(handle, f.error_string, {"nvmlErrorString"}) &&
      find(handle, f.device_count, {"nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"}) &&
      find(handle, f.device_by_index,
           {"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"}) &&
      find(handle, f.uuid, {"nvmlDeviceGetUUID"}) && find(handle, f.name, {"nvmlDeviceGetName"});
  if (!complete) return fail(ErrorKind::not_found, file + " is no NVML: it lacks its functions");
  find(handle, f.utilization, {"nvmlDeviceGetUtilizationRates"});
  find(handle, f.memory, {"nvmlDeviceGetMemoryInfo"});
  find(handle, f.memory2, {"nvmlDeviceGetMemoryInfo_v2"});
  find(handle, f.temperature, {"nvmlDeviceGetTemperature"});
  find(handle, f.power, {"nvmlDeviceGetPowerUsage"});
  find(handle, f.ecc_errors, {"nvmlDeviceGetTotalEccErrors"});
  find(handle, f.throttle_reasons,
       {"nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"});
  find(handle, f.processes,
       {"nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"});
  find(handle, f.processes1, {"nvmlDeviceGetComputeRunningProcesses"});
  find(handle, f.process_samples, {"nvmlDeviceGetProcessUtilization"});
  find(handle, f.event_set_create, {"nvmlEventSetCreate"});
  find(handle, f.event_set_free, {"nvmlEventSetFree"});
  find(handle, f.event_types, {"nvmlDeviceGetSupportedEventTypes"});
  find(handle, f.register_events, {"nvmlDeviceRegisterEvents"});
  find(handle, f.event_wait, {"nvmlEventSetWait_v2", "nvmlEventSetWait"});
  find(handle, f.gpm_support, {"nvmlGpmQueryDeviceSupport"});
  find(handle, f.gpm_alloc, {"nvmlGpmSampleAlloc"});
  find(handle, f.gpm_free, {"nvmlGpmSampleFree"});
  find(handle, f.gpm_sample, {"nvmlGpmSampleGet"});
  find(handle, f.gpm_metrics, {"nvmlGpmMetricsGet"});
  return library;
}

}  // namespace oppen::telemetry::nvml
