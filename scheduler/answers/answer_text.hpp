#pragma once
// What is answered, as JSON text. Pure functions, any thread. docs/scheduling.md and the console's openapi.yaml describe it.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/plan/project.hpp"
#include "scheduler/queue/record.hpp"
#include "schemas/json_text.hpp"

namespace oppen::answers {

// Of one job, whatever its state.
struct Explanation {
  queue::JobRecord record;
  std::optional<std::int64_t> position;
  std::optional<plan::Reason> reason;  // of a queued job; nullopt: it is launched next
  std::string held;                    // why it isn't yet, all the same
  plan::Expected expected;             // of a queued or live job
  MicroUsd cost;
  Time as_of{};
  std::string outdated;  // as Snapshot has it
};
std::string to_text(const Explanation& explanation);

// Members start_p50, start_p90 and end_p50, as far as they are known.
void put(JsonObjectText& object, const plan::Expected& expected);
void put(JsonObjectText& object, const char* name, const std::optional<Time>& time);
// A member where the text is not empty.
void put_text(JsonObjectText& object, const char* name, std::string_view text);

// What is wrong with a batch.
struct Fault {
  int index = -1;     // of the job; -1: the batch
  std::string field;  // "": the whole
  std::string value;  // JSON text; "": absent, or not to be told
  std::string reason;
};
std::string error_text(ErrorKind kind, const std::string& message,
                       const std::vector<Fault>& faults = {});

}  // namespace oppen::answers
