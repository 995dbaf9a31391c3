#include "producers/agent/tool.hpp"

#include <algorithm>

#include "producers/access/render.hpp"
#include "producers/agent/schema_check.hpp"
#include "producers/agent/tools.hpp"

namespace oppen::agent {

using nlohmann::json;

const std::vector<Tool>& all_tools() {
  static const std::vector<Tool> all = [] {
    std::vector<Tool> list;
    for (const auto add : {add_queue_tools, add_cost_tools, add_run_tools, add_analysis_tools,
                           add_proposal_tools, add_change_tools})
      add(list);
    return list;
  }();
  return all;
}

const Tool* find_tool(std::string_view name) {
  const auto& all = all_tools();
  const auto found =
      std::find_if(all.begin(), all.end(), [name](const Tool& tool) { return tool.name == name; });
  return found == all.end() ? nullptr : &*found;
}

Outcome call(const Tool& tool, Backend& backend, json arguments) {
  if (auto faults = check_schema(tool.input, arguments); !faults.empty()) {
    return tl::unexpected(Failure{
        ErrorKind::invalid, "the arguments of " + tool.name + " are not valid; nothing was done",
        std::move(faults)});
  }
  fill_defaults(tool.input, arguments);
  try {
    auto outcome = tool.run(backend, arguments);
    // Much of it is what others have written on the bus.
    auto& text = outcome ? outcome->text : outcome.error().message;
    text = access::printable_lines(text);
    return outcome;
  } catch (const json::exception& error) {  // another version of the console, or none
    return tl::unexpected(
        Failure{ErrorKind::unavailable,
                std::string("the console's answer can't be read: ") + error.what()});
  }
}

json to_json(const Failure& failure, const Tool& tool) {
  json error = {{"code", to_string(failure.kind)}, {"message", failure.message}};
  for (const FieldError& fault : failure.fields)
    error["fields"].push_back(
        {{"field", fault.path}, {"value", fault.value}, {"expected", fault.expected}});
  if (failure.kind == ErrorKind::invalid) error["example"] = tool.example;
  return {{"error", std::move(error)}};
}

std::string to_text(const Failure& failure, const Tool& tool) {
  std::string text = failure.message;
  if (!failure.fields.empty()) text += ":";
  text += "\n";
  for (const FieldError& fault : failure.fields) text += "  " + fault.sentence() + "\n";
  if (failure.kind == ErrorKind::invalid)
    text += "Example: " + tool.name + " " + tool.example.dump() + "\n";
  return text;
}

}  // namespace oppen::agent
