#pragma once
// Reads gpu.sample and pod.sample off the bus, some ten thousand of them a second, and takes of each only what cost needs. What is
// right and in binary mode goes a fast way; whatever else there is about a record, the parser of schemas/ decides. So the verdict
// is always that parser's, and so are the sentences. One thread; no memory of its own but buffers that are used again.
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "schemas/binary_mode.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/error.hpp"
#include "schemas/telemetry.hpp"
#include "workers/cost/usage/reading.hpp"

namespace oppen::cost {

class SampleReader {
 public:
  SampleReader();
  ~SampleReader();

  // `value`: without data where it is null. nullopt: an event of another type. What is returned borrows from this, until the next
  // call. `recorded_at`: the record's timestamp. Errors: invalid, in sentences: what decode() or the schema refuses, and a
  // sample taken more than 10 minutes after it was recorded: the node's clock has jumped.
  Result<std::optional<Reading>> read(std::string_view value, std::span<const HeaderView> headers,
                                      Time recorded_at);
  Result<std::optional<Reading>> read(const KafkaRecord& record, Time recorded_at);

 private:
  struct Fast;

  Result<std::optional<Reading>> read_slowly(std::string_view value,
                                             std::span<const HeaderView> headers);

  std::unique_ptr<Fast> fast_;
  std::vector<HeaderView> headers_;
  // What a slow reading borrows from.
  GpuSample gpu_;
  PodSample pod_;
};

}  // namespace oppen::cost
