#pragma once
// Every event type of the contract, for whoever handles them all alike: tools, tests, the dead
// letter. Constants, any thread.
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>
#include <tl/expected.hpp>

#include "schemas/error.hpp"

namespace oppen {

struct EventType {
  std::string_view type;   // "dev.oppen.job.submit.v1"
  std::string_view topic;  // a name of schemas/topics.hpp, without the prefix
  // Reads the data of such an event and writes it as we would: unknown fields are gone, defaults
  // left out.
  tl::expected<nlohmann::json, FieldErrors> (*rewrite)(const nlohmann::json& data);
};

std::span<const EventType> event_types();

// nullptr when the contract has no such type.
const EventType* find_event_type(std::string_view type);

}  // namespace oppen
