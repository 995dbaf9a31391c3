#pragma once
// A sample as a record of the topic `telemetry`. The event's id follows from what was measured and when, so that a record that is sent
// twice is known as the same. Pure.
#include "schemas/cloud_event.hpp"
#include "schemas/telemetry.hpp"

namespace oppen::telemetry {

// Keyed by job; without one by GPU, or by pod.
KafkaRecord record_of(const GpuSample& sample);
KafkaRecord record_of(const PodSample& sample);

}  // namespace oppen::telemetry
