#pragma once
// Where the tools are declared, and the JSON Schemas that several of them share.
#include <string>
#include <vector>

#include "producers/agent/tool.hpp"

namespace oppen::agent {

void add_queue_tools(std::vector<Tool>& tools);
void add_cost_tools(std::vector<Tool>& tools);
void add_run_tools(std::vector<Tool>& tools);
void add_analysis_tools(std::vector<Tool>& tools);
void add_proposal_tools(std::vector<Tool>& tools);
void add_change_tools(std::vector<Tool>& tools);

// A job as an agent may describe it. What runs in its container is the model catalogue's: there is no image, command, environment or
// secret in it.
nlohmann::json job_schema();

// {"type": "object", ...} whose members are `properties`, and no others.
nlohmann::json object_schema(nlohmann::json properties,
                             const std::vector<std::string>& required = {});
// The same that may have others: what is told.
nlohmann::json told_schema(nlohmann::json properties,
                           const std::vector<std::string>& required = {});
// An object with these members, and with `team` and `model_type`, by which what is told is narrowed.
nlohmann::json days_schema(nlohmann::json properties);
nlohmann::json limit_schema(int by_default, int most, const std::string& what);

// The day before so many days, as the console takes it: 2026-01-03.
std::string day_text(Time now, int days_ago = 0);

// What a tool says when it can't.
inline tl::unexpected<Failure> failed(Error error) {
  return tl::unexpected(Failure(std::move(error)));
}
inline tl::unexpected<Failure> failed(ErrorKind kind, std::string message,
                                      FieldErrors fields = {}) {
  return tl::unexpected(Failure(kind, std::move(message), std::move(fields)));
}
// Of a refusal by the console: an answer with "error", whose "errors" name jobs by index.
tl::unexpected<Failure> refused_by(const nlohmann::json& answer);

// Dollars of a tool's arguments as micro-dollars.
MicroUsd micro_usd(const nlohmann::json& dollars);
std::string text_of(const nlohmann::json& arguments, const char* name);
std::int64_t whole_of(const nlohmann::json& object, const char* name);  // 0 where there is none
// "path?a=b&c=d" of those texts that are not empty.
std::string query(const std::string& path,
                  const std::vector<std::pair<const char*, std::string>>& parameters);

}  // namespace oppen::agent
