#include "schemas/shown_url.hpp"

#include <algorithm>

namespace oppen {

std::string shown_url(std::string_view text) {
  constexpr std::string_view mark = "://";
  std::string shown;
  while (true) {
    const auto found = text.find(mark);
    if (found == std::string_view::npos) return shown += text;
    shown += text.substr(0, found + mark.size());
    text.remove_prefix(found + mark.size());
    // A password may have a comma in it, which would end an URL of a list: then rather too much is left out.
    const auto end = std::min(text.find_first_of("/?# "), text.size());
    const auto at = text.substr(0, end).rfind('@');
    if (at != std::string_view::npos) text.remove_prefix(at + 1);
  }
}

}  // namespace oppen
