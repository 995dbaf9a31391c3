#pragma once
// A driver that does as a test says: the state behind fake_nvml.cpp, a shared library with NVML's functions. Built a second time, as
// fake-nvml-old, it is a library of years ago: unversioned symbols only, and no newer functions.
#include <cstdint>

namespace oppen::telemetry {

struct FakeProcess {
  unsigned pid;
  unsigned long long memory;  // bytes; ~0: not told
};

struct FakeSample {
  unsigned pid;
  unsigned long long time_stamp;
  unsigned sm;
};

struct FakeGpu {
  const char* uuid = "";
  const char* name = "";
  bool lost = false;  // every call fails
  bool mute = false;  // every value is "not supported"
  unsigned utilization = 0;
  unsigned long long memory_total = 0;
  unsigned long long memory_used = 0;
  unsigned celsius = 0;
  unsigned milliwatts = 0;
  unsigned long long ecc_uncorrected = 0;
  unsigned long long reasons = 0;
  unsigned process_count = 0;
  FakeProcess processes[200] = {};
  unsigned sample_count = 0;
  FakeSample samples[8] = {};
  bool has_gpm = false;
  double sm_activity = 0;
};

struct FakeEvent {
  unsigned gpu;
  unsigned long long type;
  unsigned long long data;
};

struct FakeNvml {
  int init_result = 0;
  int initialised = 0;  // init less shutdown
  int inits = 0;
  int count_result = 0;
  unsigned count = 0;
  FakeGpu gpus[4] = {};
  int event_sets = 0;  // created less freed
  unsigned event_count = 0;
  FakeEvent events[300] = {};
  unsigned events_taken = 0;
  int gpm_samples = 0;  // allocated less freed
  int gpm_questions = 0;
};

}  // namespace oppen::telemetry
