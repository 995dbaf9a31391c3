#pragma once
// The one way in which a function of this project says that it failed.
//
// Result<T> is a value or an Error. An Error's kind says what the caller may do; its message is a
// whole sentence that names the thing, its value and what was expected, and grows context on the
// way up (in_context). No exceptions are thrown after start-up.
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace oppen {

enum class ErrorKind {
  invalid,    // the input is wrong: do not repeat it unchanged
  not_found,  // there is no such thing
  conflict,   // the state is no longer what the caller took it for: read it again, then decide anew
  refused,    // understood, and the answer is no (quota, rights, budget): wait for a change or ask
              // someone
  unavailable,  // a dependency is away, slow or overloaded: repeat the same call later
  fenced,       // another instance leads now: stop leading, do nothing more
  fatal         // this process can't go on: leave with a message and be started again
};

// The name of a kind as used in logs and JSON, e.g. "unavailable".
const char* to_string(ErrorKind kind);

struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::fatal;
  std::string message;

  // The same error, its message preceded by "while <what>: ".
  Error in_context(const std::string& what) const {
    return {kind, "while " + what + ": " + message};
  }
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// return fail(ErrorKind::invalid, "...");
inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

// One thing that is wrong with a piece of input. `path` is where it stands
// ("jobs[3].resources.gpus"), `value` what stood there, as JSON text shortened to 100 characters
// ("" when it was absent), `expected` what should have.
struct FieldError {
  std::string path;
  std::string value;
  std::string expected;

  // "resources.gpus is -1: expected a whole number from 0 to 64"
  std::string sentence() const;
};
using FieldErrors = std::vector<FieldError>;

// All sentences, joined by "; ".
std::string sentences(const FieldErrors& errors);

}  // namespace oppen
