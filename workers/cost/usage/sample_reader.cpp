#include "workers/cost/usage/sample_reader.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "workers/cost/usage/seen.hpp"

namespace oppen::cost {
namespace {

constexpr std::chrono::minutes most_ahead_of_record{10};  // clocks of nodes and brokers differ

std::int64_t interval_ms(double seconds) {
  return std::max<std::int64_t>(1, std::llround(seconds * 1000));
}

GpuReading reading_of(const samples::GpuView& view) {
  GpuReading reading;
  reading.device = key_of_device(view.gpu_uuid);
  reading.job_id = view.job_id;
  reading.attempt = view.attempt.value_or(0);
  reading.sampled_at = view.sampled_at;
  reading.interval_ms = interval_ms(view.interval_seconds);
  reading.of_sm_active = view.sm_active_percent.has_value();
  reading.utilization_percent = view.sm_active_percent.value_or(view.utilization_percent);
  reading.share = view.share.value_or(1);
  reading.memory_mb = view.process_memory_mb;
  if (!reading.memory_mb && reading.share == 1) reading.memory_mb = view.memory_used_mb;
  return reading;
}

PodReading reading_of(const samples::PodView& view) {
  return {key_of_device(view.pod),
          view.job_id,
          view.attempt.value_or(0),
          view.sampled_at,
          interval_ms(view.interval_seconds),
          view.cpu_cores,
          view.memory_bytes};
}

}  // namespace

Result<std::optional<Reading>> SampleReader::read(const KafkaRecord& record, Time recorded_at) {
  headers_.clear();
  for (const auto& [name, value] : record.headers) headers_.push_back({name.c_str(), value});
  return read(record.value ? std::string_view(*record.value) : std::string_view(), headers_,
              recorded_at);
}

Result<std::optional<Reading>> SampleReader::read(std::string_view value,
                                                  std::span<const HeaderView> headers,
                                                  Time recorded_at) {
  const auto view = reader_.read(value, headers);
  if (!view) return fail(view.error());
  if (!*view) return std::nullopt;
  const Time at = std::visit([](const auto& of) { return of.sampled_at; }, **view);
  if (at > recorded_at + most_ahead_of_record) {
    return fail(ErrorKind::invalid,
                FieldError{"sampled_at", '"' + to_rfc3339(at) + '"',
                           "a time up to 10 minutes after " + to_rfc3339(recorded_at) +
                               ", when it was recorded"}
                    .sentence());
  }
  return std::visit([](const auto& of) { return std::optional<Reading>(reading_of(of)); }, **view);
}

}  // namespace oppen::cost
