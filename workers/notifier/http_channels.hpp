#pragma once
// The channels that are an HTTP request. Private to this folder.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "workers/notifier/channel.hpp"

namespace oppen::notifier {

// What stands in the request, pure.
std::string slack_body(const Message& message);
std::string webhook_body(const Message& message);
// Alertmanager's API v2, postableAlerts. What fires ends by itself after three times its repetition, unless it is told again.
std::string alertmanager_body(const Message& message);

// The headers of the Standard Webhooks specification (standardwebhooks.com). invalid: a secret that is not "whsec_" and base64.
Result<std::vector<std::pair<std::string, std::string>>> signature_headers(
    const std::string& secret, const std::string& id, std::chrono::seconds since_epoch,
    const std::string& body);

// Of a Retry-After header (RFC 9110, 10.2.3: seconds or a date), at most an hour; 0: of what is none.
std::chrono::seconds asked_wait(const std::string& text, Time now);

std::unique_ptr<Channel> make_http_channel(const ChannelSettings& settings,
                                           runtime::HttpClient& http,
                                           std::shared_ptr<const runtime::HttpTls> tls);

}  // namespace oppen::notifier
