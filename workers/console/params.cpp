#include "workers/console/params.hpp"

#include <charconv>

#include "schemas/text.hpp"
#include "workers/console/answers.hpp"

namespace oppen::console {

std::string Params::text(const std::string& name) {
  known_.insert(name);
  const auto found = params_.find(name);
  return found == params_.end() ? "" : found->second;
}

void Params::wrong(const std::string& name, const std::string& expected) {
  if (!faulty_.empty()) return;
  faulty_ = name;
  message_ = name + " is \"" + shortened(params_.at(name)) + "\": expected " + expected;
}

std::string Params::one_of(const std::string& name, const std::vector<std::string>& allowed) {
  known_.insert(name);
  const auto found = params_.find(name);
  if (found == params_.end()) return allowed.front();
  std::string list;
  for (const std::string& word : allowed) {
    if (word == found->second) return word;
    list += (list.empty() ? "one of " : ", ") + word;
  }
  wrong(name, list);
  return allowed.front();
}

int Params::whole(const std::string& name, int fallback, int min, int max) {
  known_.insert(name);
  const auto found = params_.find(name);
  if (found == params_.end()) return fallback;
  const std::string& value = found->second;
  int number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number < min || number > max) {
    wrong(name, "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    return fallback;
  }
  return number;
}

Paging Params::paging() { return {text("cursor"), whole("limit", 100, 1, max_page)}; }

std::optional<runtime::HttpAnswer> Params::fault() const {
  if (!faulty_.empty()) return bad_request(faulty_, message_);
  for (const auto& [name, value] : params_) {
    if (known_.contains(name)) continue;
    std::string list;
    for (const std::string& word : known_) list += (list.empty() ? "" : ", ") + word;
    return bad_request(name, "there is no parameter \"" + shortened(name) + "\" here" +
                                 (list.empty() ? "" : ": expected " + list));
  }
  return std::nullopt;
}

}  // namespace oppen::console
