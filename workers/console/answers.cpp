#include "workers/console/answers.hpp"

#include <nlohmann/json.hpp>

namespace oppen::console {
namespace {

using nlohmann::json;

runtime::HttpAnswer answer(int status, const json& body) {
  // What users wrote may be cut within a character: never an exception for that.
  return {status, body.dump(-1, ' ', false, json::error_handler_t::replace), "application/json"};
}

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return 400;
    case ErrorKind::not_found:
      return 404;
    case ErrorKind::unavailable:
      return 503;
    default:
      return 500;
  }
}

}  // namespace

runtime::HttpAnswer json_answer(const json& body) { return answer(200, body); }

runtime::HttpAnswer not_found(const std::string& message) {
  return error_answer({ErrorKind::not_found, message});
}

runtime::HttpAnswer bad_request(const std::string& field, const std::string& message) {
  return answer(400, {{"error", {{"code", "invalid"}, {"message", message}, {"field", field}}}});
}

runtime::HttpAnswer error_answer(const Error& error) {
  return answer(status_of(error.kind),
                {{"error", {{"code", to_string(error.kind)}, {"message", error.message}}}});
}

}  // namespace oppen::console
