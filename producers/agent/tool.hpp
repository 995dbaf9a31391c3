#pragma once
// A tool: declared once, and called by an agent (MCP) or a person (`oppen tool`) alike.
#include <nlohmann/json.hpp>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "producers/agent/backend.hpp"
#include "schemas/error.hpp"

namespace oppen::agent {

// What a call has found out or done: for a reader, and for a program (an object of the tool's output schema).
struct Told {
  std::string text;
  nlohmann::json data;
};

// Why it has not. `fields`: of the arguments, by which the call can be repaired.
struct Failure {
  Failure(Error error) : kind(error.kind), message(std::move(error.message)) {}
  Failure(ErrorKind its_kind, std::string its_message, FieldErrors its_fields = {})
      : kind(its_kind), message(std::move(its_message)), fields(std::move(its_fields)) {}

  ErrorKind kind;
  std::string message;
  FieldErrors fields;
};

using Outcome = tl::expected<Told, Failure>;

enum class Effect {
  read,    // changes nothing
  add,     // adds something that can be cancelled
  destroy  // ends something
};

struct Tool {
  std::string name;
  std::string title;
  std::string description;
  Effect effect = Effect::read;
  nlohmann::json input;    // JSON Schema of the arguments, as far as schema_check.hpp has it
  nlohmann::json output;   // JSON Schema of Told::data
  nlohmann::json example;  // arguments
  Outcome (*run)(Backend& backend, const nlohmann::json& arguments) = nullptr;
};

// All there are, in the order in which they are listed.
const std::vector<Tool>& all_tools();
// nullptr when there is none.
const Tool* find_tool(std::string_view name);

// Checks the arguments, fills in the defaults of the schema, and runs the tool. Nothing is sent for arguments that are wrong. What is told
// as text has no control characters but the ends of its lines.
Outcome call(const Tool& tool, Backend& backend, nlohmann::json arguments);

// The failure as {"error": {"code", "message", "fields"?: [{"field", "value", "expected"}], "example"?}}; `example` only where the arguments
// are wrong. And as a text.
nlohmann::json to_json(const Failure& failure, const Tool& tool);
std::string to_text(const Failure& failure, const Tool& tool);

}  // namespace oppen::agent
