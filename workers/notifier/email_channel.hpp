#pragma once
// E-mail by SMTP, through libcurl. Private to this folder.
#include <memory>
#include <string>

#include "workers/notifier/channel.hpp"

namespace oppen::notifier {

// A header's text in RFC 2047's base64 form where it is not plain ASCII.
std::string header_text(const std::string& text);
// RFC 5322: "Sat, 03 Jan 2026 18:15:00 +0000"
std::string mail_date(Time time);

std::unique_ptr<Channel> make_email_channel(const ChannelSettings& settings, std::stop_token stop);

}  // namespace oppen::notifier
