#include "producers/cli/context.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace oppen::cli {

void Context::print(const nlohmann::json& value, bool pretty) const {
  out << value.dump(pretty ? 2 : -1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n'
      << std::flush;
}

int Context::fail_with(const Error& error) const {
  if (json()) {
    print({{"error", {{"code", to_string(error.kind)}, {"message", error.message}}}});
  } else {
    err << "oppen: " << error.message << '\n';
  }
  return exit_code_of(error.kind);
}

int Context::fail_with(const std::string& what, const FieldErrors& errors) const {
  if (json()) {
    nlohmann::json fields = nlohmann::json::array();
    for (const FieldError& error : errors) {
      fields.push_back(
          {{"path", error.path}, {"value", error.value}, {"expected", error.expected}});
    }
    print({{"error",
            {{"code", to_string(ErrorKind::invalid)},
             {"message", what + " is not valid"},
             {"fields", fields}}}});
    return bad_input;
  }
  err << "oppen: " << what << " is not valid; nothing was submitted:\n";
  for (const FieldError& error : errors) err << "  " << error.sentence() << '\n';
  return bad_input;
}

ExitCode exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return bad_input;
    case ErrorKind::not_found:
      return no_such_thing;
    case ErrorKind::conflict:
    case ErrorKind::refused:
      return answer_is_no;
    case ErrorKind::unavailable:
    case ErrorKind::fenced:
    case ErrorKind::fatal:
      return unreachable;
  }
  return unreachable;
}

Result<std::string> read_input(Context& context, const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(context.in), {});
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file.is_open() || file.bad()) {
    return fail(ErrorKind::invalid, "the file " + path + " can't be read: " + std::strerror(errno));
  }
  return text;
}

}  // namespace oppen::cli
