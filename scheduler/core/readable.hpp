#pragma once
// What can be read of data that is refused, so that the answer names whom it is for. Pure.
#include <nlohmann/json.hpp>
#include <string>

#include "schemas/text.hpp"

namespace oppen::core {

// The job or batch id under `field`, when an answer could name it; "" otherwise.
inline std::string readable_id(const nlohmann::json& data, const char* field) {
  if (!data.is_object()) return {};
  const auto found = data.find(field);
  if (found == data.end() || !found->is_string()) return {};
  auto id = found->get<std::string>();
  return is_dns_label(id, max_id_length) ? id : std::string();
}

}  // namespace oppen::core
