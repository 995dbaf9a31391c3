#pragma once
// Takes of gpu.sample and pod.sample only what cost needs. One thread; no memory of its own but buffers that are used again.
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "schemas/binary_mode.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/error.hpp"
#include "workers/cost/usage/reading.hpp"
#include "workers/samples/sample_reader.hpp"

namespace oppen::cost {

class SampleReader {
 public:
  // `value`: without data where it is null. nullopt: an event of another type. What is returned borrows from this, until the next
  // call. `recorded_at`: the record's timestamp. Errors: invalid, in sentences: what samples::SampleReader refuses, and a
  // sample taken more than 10 minutes after it was recorded: the node's clock has jumped.
  Result<std::optional<Reading>> read(std::string_view value, std::span<const HeaderView> headers,
                                      Time recorded_at);
  Result<std::optional<Reading>> read(const KafkaRecord& record, Time recorded_at);

 private:
  samples::SampleReader reader_;
  std::vector<HeaderView> headers_;
};

}  // namespace oppen::cost
