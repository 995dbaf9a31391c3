#include "workers/runtime/config_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

namespace oppen::runtime {
namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// The value without its comment and quotes.
std::string_view value_of(std::string_view text) {
  text = trim(text);
  if (text.starts_with('"')) {
    const auto end = text.find('"', 1);
    if (end != std::string_view::npos) return text.substr(1, end - 1);
  }
  // A '#' inside a word ("redis://:pass#word@host") belongs to it.
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#' && (i == 0 || blanks.find(text[i - 1]) != std::string_view::npos))
      return trim(text.substr(0, i));
  }
  return text;
}

}  // namespace

Result<std::map<std::string, ConfigValue>> read_config_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return fail(ErrorKind::invalid,
                "--config is \"" + path + "\", which can't be read: " + std::strerror(errno));
  }
  std::map<std::string, ConfigValue> values;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const auto text = trim(line);
    if (text.empty() || text.starts_with('#')) continue;
    const auto where = path + ":" + std::to_string(number);
    const auto equals = text.find('=');
    const auto key = std::string(trim(text.substr(0, equals)));
    if (equals == std::string_view::npos || key.empty()) {
      return fail(ErrorKind::invalid, where + ": expected \"key = value\" or a # comment");
    }
    const auto [earlier, is_new] =
        values.emplace(key, ConfigValue{std::string(value_of(text.substr(equals + 1))), number});
    if (!is_new) {
      return fail(ErrorKind::invalid, where + ": " + key + " stands in line " +
                                          std::to_string(earlier->second.line) + " already");
    }
  }
  if (file.bad())
    return fail(ErrorKind::invalid, "--config is \"" + path + "\", which can't be read to its end");
  return values;
}

}  // namespace oppen::runtime
