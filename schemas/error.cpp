#include "schemas/error.hpp"

namespace oppen {

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return "invalid";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::conflict:
      return "conflict";
    case ErrorKind::refused:
      return "refused";
    case ErrorKind::unavailable:
      return "unavailable";
    case ErrorKind::fenced:
      return "fenced";
    case ErrorKind::fatal:
      return "fatal";
  }
  return "fatal";
}

std::string FieldError::sentence() const {
  return (path.empty() ? "the data" : path) + (value.empty() ? " is missing" : " is " + value) +
         ": expected " + expected;
}

std::string sentences(const FieldErrors& errors) {
  std::string all;
  for (const FieldError& error : errors) {
    if (!all.empty()) all += "; ";
    all += error.sentence();
  }
  return all;
}

}  // namespace oppen
