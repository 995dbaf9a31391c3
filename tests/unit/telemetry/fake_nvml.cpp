// See fake_nvml.hpp. Its structures are declared here anew, so that a slip in the agent's shows.
#include "tests/unit/telemetry/fake_nvml.hpp"

#include <algorithm>
#include <cstring>

using oppen::telemetry::FakeGpu;
using oppen::telemetry::FakeNvml;

namespace {

FakeNvml state;

enum Result {
  ok = 0,
  invalid_argument = 2,
  not_supported = 3,
  not_found = 6,
  too_small = 7,
  timeout = 10,
  lost = 15
};

struct Utilization {
  unsigned gpu, memory;
};
struct Memory {
  unsigned long long total, free, used;
};
struct Memory2 {
  unsigned version;
  unsigned long long total, reserved, free, used;
};
struct Process1 {
  unsigned pid;
  unsigned long long memory;
};
struct Process2 {
  unsigned pid;
  unsigned long long memory;
  unsigned gpu_instance, compute_instance;
};
struct Sample {
  unsigned pid;
  unsigned long long time_stamp;
  unsigned sm, memory, encoder, decoder;
};
struct Event {
  FakeGpu* device;
  unsigned long long type, data;
  unsigned gpu_instance, compute_instance;
};
struct Metric {
  unsigned id;
  int result;
  double value;
  const char *short_name, *long_name, *unit;
};
struct Metrics {
  unsigned version, count;
  void *sample1, *sample2;
  Metric metrics[98];
};
struct Support {
  unsigned version, supported;
};
// As NVIDIA's header lays them out on 64 bits.
static_assert(sizeof(Process1) == 16 && sizeof(Process2) == 24 && sizeof(Sample) == 32 &&
              sizeof(Event) == 32 && sizeof(Memory2) == 40 && sizeof(Metric) == 40);

int answer(const FakeGpu* gpu) { return gpu->lost ? lost : gpu->mute ? not_supported : ok; }

template <class Value, class Told>
int tell(const FakeGpu* gpu, Value* into, Told value) {
  if (answer(gpu) == ok) *into = static_cast<Value>(value);
  return answer(gpu);
}

template <class Item>
int processes(const FakeGpu* gpu, unsigned* count, Item* items) {
  if (answer(gpu) != ok) return answer(gpu);
  const unsigned room = *count;
  *count = gpu->process_count;
  if (room < gpu->process_count) return too_small;
  for (unsigned at = 0; at < gpu->process_count; ++at) {
    items[at] = Item{};
    items[at].pid = gpu->processes[at].pid;
    items[at].memory = gpu->processes[at].memory;
  }
  return ok;
}

int text(const FakeGpu* gpu, const char* value, char* into, unsigned size) {
  if (gpu->lost) return lost;
  if (std::strlen(value) >= size) return too_small;
  std::strcpy(into, value);
  return ok;
}

int count_devices(unsigned* count) {
  *count = state.count;
  return state.count_result;
}

int device_at(unsigned index, FakeGpu** device) {
  if (index >= state.count) return invalid_argument;
  *device = &state.gpus[index];
  return (*device)->lost ? lost : ok;
}

int init() {
  if (state.init_result == ok) ++state.initialised;
  ++state.inits;
  return state.init_result;
}

int throttle_reasons(FakeGpu* gpu, unsigned long long* reasons) {
  return tell(gpu, reasons, gpu->reasons);
}

}  // namespace

extern "C" {

FakeNvml* fake_nvml_state() { return &state; }

int nvmlShutdown() {
  --state.initialised;
  return ok;
}
const char* nvmlErrorString(int result) { return result == 9 ? "Driver Not Loaded" : "some error"; }
int nvmlDeviceGetUUID(FakeGpu* gpu, char* into, unsigned size) {
  return text(gpu, gpu->uuid, into, size);
}
int nvmlDeviceGetName(FakeGpu* gpu, char* into, unsigned size) {
  return text(gpu, gpu->name, into, size);
}
int nvmlDeviceGetUtilizationRates(FakeGpu* gpu, Utilization* into) {
  return tell(gpu, into, Utilization{gpu->utilization, 7});
}
int nvmlDeviceGetMemoryInfo(FakeGpu* gpu, Memory* into) {
  return tell(gpu, into, Memory{gpu->memory_total, 0, gpu->memory_used + 512 * 1024 * 1024ULL});
}
int nvmlDeviceGetTemperature(FakeGpu* gpu, int sensor, unsigned* into) {
  return sensor == 0 ? tell(gpu, into, gpu->celsius) : int{invalid_argument};
}
int nvmlDeviceGetPowerUsage(FakeGpu* gpu, unsigned* into) {
  return tell(gpu, into, gpu->milliwatts);
}
int nvmlDeviceGetTotalEccErrors(FakeGpu* gpu, int type, int counter, unsigned long long* into) {
  return type == 1 && counter == 0 ? tell(gpu, into, gpu->ecc_uncorrected) : int{invalid_argument};
}
int nvmlDeviceGetCurrentClocksThrottleReasons(FakeGpu* gpu, unsigned long long* into) {
  return throttle_reasons(gpu, into);
}
int nvmlDeviceGetComputeRunningProcesses(FakeGpu* gpu, unsigned* count, Process1* items) {
  return processes(gpu, count, items);
}

#ifdef FAKE_NVML_OLD
int nvmlInit() { return init(); }
int nvmlDeviceGetCount(unsigned* count) { return count_devices(count); }
int nvmlDeviceGetHandleByIndex(unsigned index, FakeGpu** device) {
  return device_at(index, device);
}
#else
int nvmlInit_v2() { return init(); }
int nvmlDeviceGetCount_v2(unsigned* count) { return count_devices(count); }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, FakeGpu** device) {
  return device_at(index, device);
}
int nvmlDeviceGetMemoryInfo_v2(FakeGpu* gpu, Memory2* into) {
  if (into->version != (sizeof(Memory2) | 2U << 24)) return invalid_argument;
  return tell(gpu, into,
              Memory2{into->version, gpu->memory_total, 512 * 1024 * 1024ULL, 0, gpu->memory_used});
}
int nvmlDeviceGetCurrentClocksEventReasons(FakeGpu* gpu, unsigned long long* into) {
  return throttle_reasons(gpu, into);
}
int nvmlDeviceGetComputeRunningProcesses_v3(FakeGpu* gpu, unsigned* count, Process2* items) {
  return processes(gpu, count, items);
}
int nvmlDeviceGetProcessUtilization(FakeGpu* gpu, Sample* samples, unsigned* count,
                                    unsigned long long seen) {
  if (answer(gpu) != ok) return answer(gpu);
  unsigned written = 0;
  for (unsigned at = 0; at < gpu->sample_count && written < *count; ++at) {
    const auto& sample = gpu->samples[at];
    if (sample.time_stamp > seen)
      samples[written++] = {sample.pid, sample.time_stamp, sample.sm, 0, 0, 0};
  }
  *count = written;
  return written == 0 ? not_found : ok;
}
int nvmlEventSetCreate(void** set) {
  ++state.event_sets;
  *set = &state;
  return ok;
}
int nvmlEventSetFree(void*) {
  --state.event_sets;
  return ok;
}
int nvmlDeviceGetSupportedEventTypes(FakeGpu* gpu, unsigned long long* types) {
  return tell(gpu, types, 0x1fULL);
}
int nvmlDeviceRegisterEvents(FakeGpu* gpu, unsigned long long types, void*) {
  return types == 8 ? answer(gpu) : int{invalid_argument};
}
int nvmlEventSetWait_v2(void*, Event* event, unsigned) {
  if (state.events_taken == state.event_count) return timeout;
  const auto& next = state.events[state.events_taken++];
  *event = {&state.gpus[next.gpu], next.type, next.data, ~0U, ~0U};
  return ok;
}
int nvmlGpmQueryDeviceSupport(FakeGpu* gpu, Support* support) {
  if (support->version != 1) return invalid_argument;
  support->supported = gpu->has_gpm ? 1 : 0;
  return answer(gpu);
}
int nvmlGpmSampleAlloc(void** sample) {
  ++state.gpm_samples;
  *sample = new FakeGpu*(nullptr);
  return ok;
}
int nvmlGpmSampleFree(void* sample) {
  --state.gpm_samples;
  delete static_cast<FakeGpu**>(sample);
  return ok;
}
int nvmlGpmSampleGet(FakeGpu* gpu, void* sample) {
  *static_cast<FakeGpu**>(sample) = gpu;
  return answer(gpu);
}
int nvmlGpmMetricsGet(Metrics* metrics) {
  ++state.gpm_questions;
  const FakeGpu* gpu = *static_cast<FakeGpu**>(metrics->sample2);
  if (metrics->version != 1 || metrics->count != 1 || metrics->metrics[0].id != 2 ||
      gpu == nullptr || *static_cast<FakeGpu**>(metrics->sample1) != gpu)
    return invalid_argument;
  metrics->metrics[0].value = gpu->sm_activity;
  metrics->metrics[0].result = ok;
  return ok;
}
#endif

}  // extern "C"
