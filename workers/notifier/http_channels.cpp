#include "workers/notifier/http_channels.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "schemas/parse.hpp"
#include "schemas/text.hpp"
#include "workers/notifier/message.hpp"

namespace oppen::notifier {
namespace {

using nlohmann::json;

constexpr std::size_t longest_slack_text = 30'000;  // Slack cuts at 40,000
constexpr std::chrono::seconds longest_asked_wait{
    3'600};  // a receiver that asks for more is asked again
constexpr std::size_t longest_answer = std::size_t{4} << 20;

// As json::dump, for text that others have written.
std::string dumped(const json& data) {
  return data.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string base64_of(const unsigned char* bytes, std::size_t size) {
  std::string coded(4 * ((size + 2) / 3) + 1, '\0');  // and the NUL that OpenSSL writes
  const auto length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(coded.data()), bytes,
                                      static_cast<int>(size));
  coded.resize(static_cast<std::size_t>(length));
  return coded;
}

// "" when it is not base64.
std::string from_base64(const std::string& coded) {
  if (coded.empty() || coded.size() % 4 != 0) return "";
  std::string bytes(coded.size() / 4 * 3, '\0');
  const auto length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                      reinterpret_cast<const unsigned char*>(coded.data()),
                                      static_cast<int>(coded.size()));
  if (length < 0) return "";
  std::size_t padding = 0;
  while (padding < 2 && coded[coded.size() - 1 - padding] == '=') ++padding;
  bytes.resize(static_cast<std::size_t>(length) - padding);
  return bytes;
}

// Alertmanager takes [a-zA-Z_][a-zA-Z0-9_]* alone for the name of a label.
std::string label_name(std::string name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  std::replace_if(
      name.begin(), name.end(), [&](char c) { return !fits(c); }, '_');
  return name.empty() || (name.front() >= '0' && name.front() <= '9') ? "_" + name : name;
}

// Slack reads these three as markup.
std::string escaped_for_slack(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      out += c;
    }
  }
  return out;
}

class HttpChannel final : public Channel {
 public:
  HttpChannel(ChannelSettings settings, runtime::HttpClient& http,
              std::shared_ptr<const runtime::HttpTls> tls)
      : settings_(std::move(settings)), http_(http), tls_(std::move(tls)) {}

  Delivery deliver(const Message& message) override {
    auto request = request_for(message);
    if (!request) return {fail(request.error())};
    const auto answer = http_.send(std::move(*request));
    if (!answer) return {fail(answer.error())};
    if (answer->ok()) return {};
    return {said(*answer), asked_wait(answer->header("retry-after"), message.now)};
  }

 private:
  // What a receiver says of a message that it can't take is shown, and of no other: it may repeat what is secret.
  static Status said(const runtime::HttpResponse& answer) {
    const auto text = fmt::format("the receiver answers {}", answer.status);
    switch (answer.status) {
      case 400:
      case 410:
      case 413:
      case 415:
      case 422:
        return fail(ErrorKind::refused, text + ": " + shortened(answer.body, 200));
      case 408:
      case 429:
        return fail(ErrorKind::unavailable, text);
      default:
        return answer.status >= 500
                   ? fail(ErrorKind::unavailable, text)
                   : fail(ErrorKind::invalid, text + ": check its URL and its authorization");
    }
  }

  Result<runtime::HttpRequest> request_for(const Message& message) const {
    auto url = settings_.url.read();
    if (!url) return fail(url.error());
    runtime::HttpRequest request;
    request.method = "POST";
    request.url = std::move(*url);
    request.max_body = longest_answer;
    request.tls = tls_;
    request.headers = {{"Content-Type", "application/json"}, {"User-Agent", "oppen-notifier"}};
    switch (settings_.type) {
      case ChannelType::slack:
        request.body = slack_body(message);
        break;
      case ChannelType::alertmanager:
        while (request.url.ends_with('/')) request.url.pop_back();
        request.url += "/api/v2/alerts";
        request.body = alertmanager_body(message);
        break;
      case ChannelType::webhook:
      case ChannelType::email:  // is none of HTTP
        request.body = webhook_body(message);
        request.headers.emplace_back("webhook-id", message.id);
        break;
    }
    if (settings_.signing_secret.given()) {
      const auto secret = settings_.signing_secret.read();
      if (!secret) return fail(secret.error());
      const auto signed_with = signature_headers(
          *secret, message.id,
          std::chrono::duration_cast<std::chrono::seconds>(message.now.time_since_epoch()),
          request.body);
      if (!signed_with) return fail(signed_with.error());
      request.headers.insert(request.headers.end(), signed_with->begin(), signed_with->end());
    }
    if (settings_.authorization.given()) {
      const auto value = settings_.authorization.read();
      if (!value) return fail(value.error());
      if (value->find_first_of("\r\n") != std::string::npos)
        return fail(ErrorKind::invalid, "the authorization is more than one line");
      request.headers.emplace_back("Authorization", *value);
    }
    return request;
  }

  ChannelSettings settings_;
  runtime::HttpClient& http_;
  std::shared_ptr<const runtime::HttpTls> tls_;
};

}  // namespace

std::string slack_body(const Message& message) {
  std::string all;
  for (const auto& alert : message.alerts) {
    const auto one = fmt::format("*{}*\n```\n{}```\n", escaped_for_slack(title(alert)),
                                 escaped_for_slack(details(alert)));
    // A piece of an alert is worse than its title.
    all += all.size() + one.size() <= longest_slack_text
               ? one
               : shortened(escaped_for_slack(title(alert)), 200) + "\n";
  }
  return dumped({{"text", all}});
}

std::string webhook_body(const Message& message) {
  auto alerts = json::array();
  for (const auto& alert : message.alerts) alerts.push_back(to_data(alert));
  return dumped({{"delivery_id", message.id},
                 {"route", message.route},
                 {"title", title(message.alerts)},
                 {"text", text(message.alerts)},
                 {"alerts", std::move(alerts)}});
}

std::string alertmanager_body(const Message& message) {
  auto alerts = json::array();
  for (const auto& alert : message.alerts) {
    json labels = json::object();
    for (const auto& [name, value] : alert.labels) labels[label_name(name)] = value;
    labels["alertname"] = alert.kind;
    labels["severity"] = alert.severity;
    labels["fingerprint"] = alert.fingerprint;
    const auto ends = alert.state == "resolved" ? alert.ended_at.value_or(message.now)
                                                : message.now + 3 * message.repeat;
    alerts.push_back({{"labels", std::move(labels)},
                      {"annotations", {{"summary", title(alert)}, {"description", details(alert)}}},
                      {"startsAt", to_rfc3339(alert.started_at)},
                      {"endsAt", to_rfc3339(ends)}});
  }
  return dumped(alerts);
}

Result<std::vector<std::pair<std::string, std::string>>> signature_headers(
    const std::string& secret, const std::string& id, std::chrono::seconds since_epoch,
    const std::string& body) {
  constexpr std::string_view prefix = "whsec_";
  const auto key = secret.starts_with(prefix) ? from_base64(secret.substr(prefix.size())) : "";
  if (key.empty())
    return fail(ErrorKind::invalid, "the signing secret is not \"whsec_\" and base64 behind it");
  const auto time = std::to_string(since_epoch.count());
  const auto content = id + "." + time + "." + body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data(),
       &size);
  return std::vector<std::pair<std::string, std::string>>{
      {"webhook-timestamp", time}, {"webhook-signature", "v1," + base64_of(digest.data(), size)}};
}

std::chrono::seconds asked_wait(const std::string& text, Time now) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) {
    const auto date = curl_getdate(text.c_str(), nullptr);
    if (date < 0) return {};
    seconds = date - std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  }
  return std::clamp(std::chrono::seconds(seconds), std::chrono::seconds(0), longest_asked_wait);
}

std::unique_ptr<Channel> make_http_channel(const ChannelSettings& settings,
                                           runtime::HttpClient& http,
                                           std::shared_ptr<const runtime::HttpTls> tls) {
  return std::make_unique<HttpChannel>(settings, http, std::move(tls));
}

}  // namespace oppen::notifier
