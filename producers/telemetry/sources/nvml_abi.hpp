#pragma once
// As much of NVML's C interface as is used here, declared anew: the library is opened at run time, so that the agent is built and
// started without it. NVIDIA keeps these layouts; a changed one gets a new versioned symbol.
#include <cstddef>

namespace oppen::telemetry::nvml {

using Return = int;
constexpr Return success = 0;
constexpr Return insufficient_size = 7;

using Device = struct OpaqueDevice*;
using EventSet = struct OpaqueEventSet*;
using GpmSample = struct OpaqueGpmSample*;

// Sizes that NVML promises to stay within.
constexpr unsigned name_size = 96;
constexpr unsigned uuid_size = 96;

constexpr int temperature_of_gpu = 0;
constexpr int uncorrected_errors = 1;
constexpr int volatile_count = 0;
constexpr unsigned long long xid_event = 8;
constexpr unsigned long long not_available = ~0ULL;

struct Utilization {
  unsigned gpu;
  unsigned memory;
};

struct Memory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

// Memory's second version doesn't count what the driver reserves as used.
struct Memory2 {
  unsigned version;
  unsigned long long total;
  unsigned long long reserved;
  unsigned long long free;
  unsigned long long used;
};
constexpr unsigned memory2_version = sizeof(Memory2) | 2U << 24;

// Of the unversioned symbol.
struct ProcessInfo1 {
  unsigned pid;
  unsigned long long used_memory;
};

// Of _v2 and _v3.
struct ProcessInfo {
  unsigned pid;
  unsigned long long used_memory;
  unsigned gpu_instance;
  unsigned compute_instance;
};

struct ProcessSample {
  unsigned pid;
  unsigned long long time_stamp;
  unsigned sm;
  unsigned memory;
  unsigned encoder;
  unsigned decoder;
};

// Older libraries leave the last two alone.
struct EventData {
  Device device;
  unsigned long long type;
  unsigned long long data;
  unsigned gpu_instance;
  unsigned compute_instance;
};

constexpr unsigned gpm_version = 1;
constexpr unsigned gpm_sm_utilization = 2;  // percent

struct GpmMetric {
  unsigned id;
  Return result;
  double value;
  const char* short_name;
  const char* long_name;
  const char* unit;
};

// The length of `metrics` grew from driver to driver (98, 333, 477) under one version. The library writes to those that are asked for.
struct GpmMetricsGet {
  unsigned version;
  unsigned count;
  GpmSample sample1;
  GpmSample sample2;
  GpmMetric metrics[512];
};

struct GpmSupport {
  unsigned version;
  unsigned is_supported;
};

}  // namespace oppen::telemetry::nvml
