#pragma once
// Runs as records of the topic `runs`. The same cause gives the same event, id and time included, whoever publishes it. Pure functions,
// any thread.
#include <string>
#include <string_view>

#include "schemas/cloud_event.hpp"
#include "schemas/runs.hpp"

namespace oppen::mlflow {

inline constexpr std::string_view event_source = "/oppen/mlflow";

KafkaRecord record_of(const RunCompleted& run);
KafkaRecord record_of(const RunProgress& progress);

// What a record says of itself in its headers, without its data being read.
struct Published {
  enum class Kind { foreign, completed, progress } kind = Kind::foreign;  // foreign: of no bridge
  std::string run_id;
  std::string event_id;
};
Published published_in(const KafkaRecord& record);

}  // namespace oppen::mlflow
