#pragma once
// Where in the input a reader stands, and the list of what it found wrong. Lives on the stack of
// the reader: a path is put together only when there is something to report. One thread.
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "schemas/error.hpp"

namespace oppen {

class Place {
 public:
  explicit Place(FieldErrors& errors) : errors_(errors) {}

  Place field(std::string_view name) const { return {this, name, no_index, errors_}; }
  Place item(std::size_t index) const { return {this, {}, index, errors_}; }

  // All return false, so that a reader can end with them.
  bool wrong(const nlohmann::json& value, std::string expected) const;
  bool wrong_secret(std::string expected) const;  // for a value that must not be repeated in logs
  bool missing(std::string expected) const;

  std::size_t error_count() const { return errors_.size(); }

 private:
  static constexpr std::size_t no_index = static_cast<std::size_t>(-1);

  Place(const Place* parent, std::string_view name, std::size_t index, FieldErrors& errors)
      : parent_(parent), name_(name), index_(index), errors_(errors) {}
  std::string path() const;

  const Place* parent_ = nullptr;
  std::string_view name_;
  std::size_t index_ = no_index;  // of an element of a list
  FieldErrors& errors_;
};

}  // namespace oppen
