#include "workers/notifier/email_channel.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "schemas/text.hpp"
#include "workers/notifier/message.hpp"

namespace oppen::notifier {
namespace {

constexpr long connect_ms = 5'000;
constexpr long deadline_ms = 30'000;
constexpr std::size_t longest_subject = 200;
constexpr std::size_t encoded_at_once = 45;  // 60 characters of base64: a word is at most 75

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MimeDeleter {
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};

// A list of libcurl that grows.
class Lines {
 public:
  Lines() = default;
  ~Lines() { curl_slist_free_all(list_); }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  void add(const std::string& line) {
    if (auto* grown = curl_slist_append(list_, line.c_str())) list_ = grown;
  }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

class EmailChannel final : public Channel {
 public:
  EmailChannel(ChannelSettings settings, std::stop_token stop)
      : settings_(std::move(settings)), stop_(std::move(stop)) {}

  Delivery deliver(const Message& message) override { return {send(message)}; }

 private:
  Status send(const Message& message) {
    const auto password = settings_.password.read();
    if (!password) return fail(password.error());
    const std::unique_ptr<CURL, EasyDeleter> easy(curl_easy_init());
    if (!easy) return fail(ErrorKind::unavailable, "libcurl has no handle left");
    std::array<char, CURL_ERROR_SIZE> error{};
    curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, error.data());
    curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy.get(), CURLOPT_URL, settings_.server.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, deadline_ms);
    curl_easy_setopt(easy.get(), CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy.get(), CURLOPT_XFERINFOFUNCTION, &EmailChannel::on_progress);
    curl_easy_setopt(easy.get(), CURLOPT_XFERINFODATA, this);
    curl_easy_setopt(easy.get(), CURLOPT_USE_SSL,
                     static_cast<long>(settings_.start_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (!settings_.ca_file.empty())
      curl_easy_setopt(easy.get(), CURLOPT_CAINFO, settings_.ca_file.c_str());
    if (!settings_.username.empty()) {
      curl_easy_setopt(easy.get(), CURLOPT_USERNAME, settings_.username.c_str());
      curl_easy_setopt(easy.get(), CURLOPT_PASSWORD, password->c_str());
    }
    const auto from = "<" + settings_.from + ">";
    curl_easy_setopt(easy.get(), CURLOPT_MAIL_FROM, from.c_str());
    Lines to;
    std::string all;
    for (const auto& one : settings_.to) {
      to.add("<" + one + ">");
      all += (all.empty() ? "" : ",\r\n ") + one;  // a line is at most 998 bytes
    }
    curl_easy_setopt(easy.get(), CURLOPT_MAIL_RCPT, to.get());
    // An address that is gone takes nothing from the others.
#if LIBCURL_VERSION_NUM >= 0x080200
    curl_easy_setopt(easy.get(), CURLOPT_MAIL_RCPT_ALLOWFAILS, 1L);
#else
    curl_easy_setopt(easy.get(), CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
#endif
    Lines headers;
    headers.add("Date: " + mail_date(message.now));
    headers.add("From: " + settings_.from);
    headers.add("To: " + all);
    headers.add("Subject: " + header_text(shortened(title(message.alerts), longest_subject)));
    headers.add("Message-ID: <" + message.id + "@" +
                settings_.from.substr(settings_.from.find('@') + 1) + ">");
    headers.add("Auto-Submitted: auto-generated");
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
    const std::unique_ptr<curl_mime, MimeDeleter> mime(curl_mime_init(easy.get()));
    auto* part = curl_mime_addpart(mime.get());
    const auto body = text(message.alerts);
    curl_mime_data(part, body.data(), body.size());
    curl_mime_type(part, "text/plain; charset=utf-8");
    curl_mime_encoder(part, "quoted-printable");
    curl_easy_setopt(easy.get(), CURLOPT_MIMEPOST, mime.get());
    return said(easy.get(), curl_easy_perform(easy.get()), error.data());
  }

 private:
  static Status said(CURL* easy, CURLcode code, const char* error) {
    if (code == CURLE_OK) return {};
    const std::string what = *error != '\0' ? error : curl_easy_strerror(code);
    if (code == CURLE_LOGIN_DENIED || code == CURLE_PEER_FAILED_VERIFICATION ||
        code == CURLE_USE_SSL_FAILED || code == CURLE_SSL_CACERT_BADFILE)
      return fail(ErrorKind::invalid, "the mail server: " + what);
    long answer = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer);
    // RFC 4954: it wants another way to sign in, or TLS first.
    if (answer == 530 || answer == 534 || answer == 535 || answer == 538)
      return fail(ErrorKind::invalid, "the mail server: " + what);
    // RFC 5321: 5yz is for good, 4yz for now.
    const bool for_good = answer >= 500 && answer < 600;
    return fail(for_good ? ErrorKind::refused : ErrorKind::unavailable, "the mail server: " + what);
  }

  // libcurl asks about once a second; anything but 0 ends it.
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<EmailChannel*>(self)->stop_.stop_requested() ? 1 : 0;
  }

  ChannelSettings settings_;
  std::stop_token stop_;
};

}  // namespace

std::string header_text(const std::string& text) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
  if (std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string words;
  for (std::size_t begin = 0; begin < text.size();) {
    auto end = std::min(begin + encoded_at_once, text.size());
    // A word holds whole characters.
    while (end < text.size() && end > begin &&
           (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
      --end;
    std::string coded(4 * ((end - begin + 2) / 3) + 1, '\0');
    const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(coded.data()),
                                      reinterpret_cast<const unsigned char*>(text.data() + begin),
                                      static_cast<int>(end - begin));
    coded.resize(static_cast<std::size_t>(size));
    words += (words.empty() ? "" : "\r\n ") + ("=?UTF-8?B?" + coded + "?=");
    begin = end;
  }
  return words;
}

std::string mail_date(Time time) {
  static constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed",
                                                      "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format(
      "{}, {:02} {} {} {:02}:{:02}:{:02} +0000", days.at(std::chrono::weekday(day).c_encoding()),
      static_cast<unsigned>(date.day()), months.at(static_cast<unsigned>(date.month()) - 1),
      static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
      clock.seconds().count());
}

std::unique_ptr<Channel> make_email_channel(const ChannelSettings& settings, std::stop_token stop) {
  return std::make_unique<EmailChannel>(settings, std::move(stop));
}

}  // namespace oppen::notifier
