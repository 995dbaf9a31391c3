#pragma once
// Reads gpu.sample and pod.sample off the bus, some hundred thousand of them a second. What is right and in binary mode goes a fast way;
// whatever else there is about a record, the parser of schemas/ decides. So the verdict is always that parser's, and so are the
// sentences. One thread; no memory of its own but buffers that are used again.
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "schemas/binary_mode.hpp"
#include "schemas/error.hpp"
#include "schemas/telemetry.hpp"
#include "workers/samples/sample_view.hpp"

namespace oppen::samples {

class SampleReader {
 public:
  SampleReader();
  ~SampleReader();

  // `value`: without data where it is null. nullopt: an event of another type. What is returned borrows from this, until the next
  // call. Errors: invalid, in sentences: what decode() or the schema refuses.
  Result<std::optional<SampleView>> read(std::string_view value,
                                         std::span<const HeaderView> headers);

 private:
  struct Fast;

  Result<std::optional<SampleView>> read_slowly(std::string_view value,
                                                std::span<const HeaderView> headers);

  std::unique_ptr<Fast> fast_;
  // What a slow reading borrows from.
  GpuSample gpu_;
  PodSample pod_;
  std::vector<std::string_view> texts_;
};

}  // namespace oppen::samples
