#pragma once
// URLs as they may be shown to anybody. A pure function, any thread.
#include <string>
#include <string_view>

namespace oppen {

// The text without the user and the password that any URL in it, or address without a scheme, has before its host: "http://host:1". Of each word
// (what stands between blanks) that has an @ all before the last one is left out but the scheme, also other hosts and paths.
std::string shown_url(std::string_view text);

}  // namespace oppen
