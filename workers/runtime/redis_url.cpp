#include "workers/runtime/redis_url.hpp"

#include <charconv>
#include <string_view>

namespace oppen::runtime {
namespace {

tl::unexpected<Error> malformed(const std::string& why) {
  return fail(
      ErrorKind::invalid,
      "the Redis URL " + why + ": expected redis://[user:password@]host:port/db (OPPEN_REDIS_URL)");
}

bool parse_number(std::string_view text, int max, int& number) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc{} && end == text.data() + text.size() && number >= 0 && number <= max;
}

bool percent_decode(std::string_view text, std::string& decoded) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    const auto digits = text.substr(i + 1, 2);
    const auto [end, code] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || code != std::errc{} || end != digits.data() + 2) return false;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return true;
}

}  // namespace

Result<RedisUrl> parse_redis_url(const std::string& url) {
  std::string_view rest = url;
  if (rest.starts_with("rediss://")) {
    return fail(
        ErrorKind::invalid,
        "the Redis URL asks for TLS (rediss://), which the hiredis of this build does not have: "
        "use redis://, through a TLS tunnel where the network is not trusted (OPPEN_REDIS_URL)");
  }
  if (!rest.starts_with("redis://")) return malformed("does not begin with redis://");
  rest.remove_prefix(std::string_view("redis://").size());

  RedisUrl parts;
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    const auto account = rest.substr(0, at);
    const auto colon = account.find(':');
    if (colon == std::string_view::npos) return malformed("has a user without a password");
    if (!percent_decode(account.substr(0, colon), parts.user) ||
        !percent_decode(account.substr(colon + 1), parts.password)) {
      return malformed("has a '%' in its user or password that is not followed by two hex digits");
    }
    rest.remove_prefix(at + 1);
  }
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    const auto database = rest.substr(slash + 1);
    if (!database.empty() && !parse_number(database, 1'000'000, parts.database)) {
      return malformed("has the database \"" + std::string(database) +
                       "\", which is not a whole number");
    }
    rest = rest.substr(0, slash);
  }
  // An IPv6 address stands in brackets, so that its colons are not taken for the port's.
  const auto bracket = rest.starts_with('[') ? rest.find(']') : std::string_view::npos;
  const auto colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const auto port = rest.substr(colon + 1);
    if (!parse_number(port, 65'535, parts.port) || parts.port == 0) {
      return malformed("has the port \"" + std::string(port) +
                       "\", which is not a whole number from 1 to 65535");
    }
    rest = rest.substr(0, colon);
  }
  if (bracket != std::string_view::npos) rest = rest.substr(1, bracket - 1);
  if (rest.empty()) return malformed("has no host");
  parts.host = std::string(rest);
  return parts;
}

}  // namespace oppen::runtime
