#pragma once
// URLs as they may be shown to anybody. A pure function, any thread.
#include <string>
#include <string_view>

namespace oppen {

// The text without the user and the password that any URL in it has before its host: "http://host:1,https://host:2".
std::string shown_url(std::string_view text);

}  // namespace oppen
