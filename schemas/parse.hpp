#pragma once
// From an event's JSON data to its C++ type and back. Instantiated for every event type of
// schemas/*.hpp. Pure functions, any thread.
//
// Reading ignores unknown fields and reports everything that is wrong at once, each with its path,
// value and what was expected. Writing leaves out what is absent or empty where the schema lets it.
#include <nlohmann/json.hpp>
#include <string>
#include <tl/expected.hpp>

#include "schemas/error.hpp"

namespace oppen {

template <class Event>
tl::expected<Event, FieldErrors> parse_data(const nlohmann::json& data);

// The event's data as JSON text, and as JSON.
template <class Event>
std::string to_text(const Event& event);
template <class Event>
nlohmann::json to_data(const Event& event) {
  return nlohmann::json::parse(to_text(event));
}

}  // namespace oppen
