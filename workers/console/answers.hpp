#pragma once
// The forms that all answers of the console share: JSON text, and errors as
// {"error":{"code","message","field"?}}. Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "schemas/error.hpp"
#include "workers/runtime/health_server.hpp"

namespace oppen::console {

runtime::HttpAnswer json_answer(const nlohmann::json& body);

// 404: no such path or thing.
runtime::HttpAnswer not_found(const std::string& message);
// 400: `field` is the query parameter that is wrong.
runtime::HttpAnswer bad_request(const std::string& field, const std::string& message);
// not_found 404, invalid 400, unavailable 503, the others 500.
runtime::HttpAnswer error_answer(const Error& error);

}  // namespace oppen::console
