#pragma once
// Reads a ConfigMap's text values key by key and collects everything that is wrong with them. One
// thread; it refers to the map and must not outlive it.
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "schemas/error.hpp"

namespace oppen::pricing {

inline constexpr std::int64_t million = 1'000'000;

// "0.25" -> 250000. At most six decimals and one million; nullopt for anything else, signs and
// exponents included.
std::optional<std::int64_t> parse_millionths(std::string_view text);

// A value as an error shows it: JSON text, shortened.
std::string shown(const nlohmann::json& value);

class ConfigReader {
 public:
  explicit ConfigReader(const std::map<std::string, std::string>& map) : map_(map) {}

  // The value without surrounding white space, or nullopt when the key is absent. Every key that is
  // asked for is known.
  std::optional<std::string> text(const std::string& key);

  // Each leaves `into` as it is when the key is absent or its value is at fault.
  void millionths(const std::string& key, std::int64_t& into, std::int64_t largest);
  template <class Integer>
  void whole(const std::string& key, Integer& into, std::int64_t smallest, std::int64_t largest) {
    if (const auto value = whole_number(key, smallest, largest))
      into = static_cast<Integer>(*value);
  }
  void boolean(const std::string& key, bool& into);

  // The JSON object that the key's text is; `example` goes into the message when it is not.
  std::optional<nlohmann::json> object(const std::string& key, const std::string& example);

  // `value` is JSON text, "" when absent.
  void fault(std::string path, std::string value, std::string expected);

  // Whether somebody has asked for the key.
  bool knows(const std::string& key) const { return known_.contains(key); }

  // Everything found, and a fault for each key that nobody asked for.
  FieldErrors finish();

 private:
  std::optional<std::int64_t> whole_number(const std::string& key, std::int64_t smallest,
                                           std::int64_t largest);

  const std::map<std::string, std::string>& map_;
  std::set<std::string> known_;
  FieldErrors faults_;
};

}  // namespace oppen::pricing
