#include "schemas/place.hpp"

#include <nlohmann/json.hpp>

#include "schemas/text.hpp"

namespace oppen {
namespace {

constexpr std::size_t value_limit = 100;

std::string shown(const nlohmann::json& value) {
  using nlohmann::json;
  const auto dump = [](const json& j) {
    return j.dump(-1, ' ', false, json::error_handler_t::replace);
  };
  if (const auto* text = value.get_ptr<const std::string*>(); text && text->size() > value_limit) {
    return shortened(dump(text->substr(0, value_limit)), value_limit);
  }
  return shortened(dump(value), value_limit);
}

}  // namespace

std::string Place::path() const {
  if (parent_ == nullptr) return {};
  std::string path = parent_->path();
  if (index_ != no_index) return path + "[" + std::to_string(index_) + "]";
  if (!path.empty()) path += ".";
  return path + (utf8_length(name_) ? shortened(name_, value_limit) : shown(std::string(name_)));
}

bool Place::wrong(const nlohmann::json& value, std::string expected) const {
  errors_.push_back({path(), shown(value), std::move(expected)});
  return false;
}

bool Place::wrong_secret(std::string expected) const {
  errors_.push_back({path(), "(not shown)", std::move(expected)});
  return false;
}

bool Place::missing(std::string expected) const {
  errors_.push_back({path(), {}, std::move(expected)});
  return false;
}

}  // namespace oppen
