#pragma once
// Holds a value against a JSON Schema, as far as the tools' arguments need it: type (one), properties, required, additionalProperties
// (false), items, minItems, maxItems, enum, minimum, maximum, minLength, maxLength (in characters). Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>

#include "schemas/error.hpp"

namespace oppen::agent {

// What is wrong, by "jobs[3].epochs"; 20 faults at most.
FieldErrors check_schema(const nlohmann::json& schema, const nlohmann::json& value);

// The members of an object that it lacks and for which the schema's properties have a default.
void fill_defaults(const nlohmann::json& schema, nlohmann::json& object);

}  // namespace oppen::agent
