#include "schemas/shown_url.hpp"

#include <algorithm>

namespace oppen {

std::string shown_url(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  constexpr std::string_view mark = "://";
  std::string shown;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    // A password may have any of what an URL has elsewhere in it: rather too much is left out.
    const auto at = word.rfind('@');
    if (at == std::string_view::npos) {
      shown += word;
    } else {
      const auto scheme = word.substr(0, std::min(word.find(mark), at));
      if (scheme.size() < at && scheme.find(':') == std::string_view::npos)
        shown.append(scheme).append(mark);
      shown += word.substr(at + 1);
    }
    const auto between = std::min(text.find_first_not_of(blanks), text.size());
    shown += text.substr(0, between);
    text.remove_prefix(between);
  }
  return shown;
}

}  // namespace oppen
