#include "producers/access/console_api.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "schemas/shown_url.hpp"

namespace oppen::access {
namespace {

using nlohmann::json;

constexpr long connect_seconds = 5;
constexpr long answer_seconds = 30;
constexpr std::size_t most_error_text = std::size_t{4} << 20;

// The sentence of {"error":{"message"}}, else what there is.
std::string sentence_of(const std::string& body, long status) {
  const json parsed = json::parse(body, nullptr, false);
  if (parsed.is_object() && parsed.contains("error") && parsed["error"].is_object()) {
    return parsed["error"].value("message", "status " + std::to_string(status));
  }
  return "what answers there is no Oppen console (status " + std::to_string(status) + ")";
}

ErrorKind kind_of(long status) {
  switch (status) {
    case 400:
      return ErrorKind::invalid;
    case 404:
      return ErrorKind::not_found;
    case 422:
      return ErrorKind::refused;
    default:
      return ErrorKind::unavailable;
  }
}

}  // namespace

struct ConsoleApi::Request {
  std::string path;
  long patience_seconds = 0;  // 0: no limit between two pieces
  bool stream = false;
  std::function<void(std::string_view)> on_piece;
  const std::string* body = nullptr;  // of a POST

  CURL* easy = nullptr;
  std::string error_body;

  static std::size_t on_data(char* data, std::size_t size, std::size_t count, void* self) {
    auto& request = *static_cast<Request*>(self);
    long status = 0;
    curl_easy_getinfo(request.easy, CURLINFO_RESPONSE_CODE, &status);
    const std::string_view piece(data, size * count);
    if (status == 200) {
      request.on_piece(piece);
    } else if (request.error_body.size() < most_error_text) {
      request.error_body += piece;
    }
    return size * count;
  }

  // Called once a second at least; other than 0 ends it.
  static int on_progress(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
  }
};

ConsoleApi::ConsoleApi(std::string url) : url_(std::move(url)) {
  while (url_.ends_with('/')) url_.pop_back();
}

Status ConsoleApi::perform(Request& request) const {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  request.easy = easy.get();
  const std::string url = url_ + "/api/v1/" + request.path;
  char reason[CURL_ERROR_SIZE] = {};
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_CONNECTTIMEOUT, connect_seconds);
  if (!request.stream) curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT, answer_seconds);
  if (request.patience_seconds > 0) {
    curl_easy_setopt(easy.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_LOW_SPEED_TIME, request.patience_seconds);
  }
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
      request.body == nullptr ? nullptr
                              : curl_slist_append(nullptr, "Content-Type: application/json"),
      &curl_slist_free_all);
  if (request.body != nullptr) {
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, request.body->data());
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body->size()));
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  }
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &Request::on_data);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &request);
  auto stop = stop_;
  curl_easy_setopt(easy.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy.get(), CURLOPT_XFERINFOFUNCTION, &Request::on_progress);
  curl_easy_setopt(easy.get(), CURLOPT_XFERINFODATA, &stop);
  const CURLcode code = curl_easy_perform(easy.get());
  const std::string where = "the console at " + shown_url(url_) +
                            " (--console-url or OPPEN_CONSOLE_URL says where it is)";
  if (code != CURLE_OK) {
    const char* const why = reason[0] != '\0' ? reason : curl_easy_strerror(code);
    return fail(ErrorKind::unavailable, where + " can't be reached: " + why);
  }
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status == 200) return {};
  const std::string sentence = sentence_of(request.error_body, status);
  const ErrorKind kind = kind_of(status);
  return fail(kind, kind == ErrorKind::unavailable ? where + ": " + sentence : sentence);
}

Result<json> ConsoleApi::get(const std::string& path) const { return ask(path, nullptr); }

Result<json> ConsoleApi::post(const std::string& path, const std::string& body) const {
  return ask(path, &body);
}

Result<json> ConsoleApi::ask(const std::string& path, const std::string* posted) const {
  std::string body;
  Request request;
  request.path = path;
  request.on_piece = [&body](std::string_view piece) { body += piece; };
  request.body = posted;
  if (const Status asked = perform(request); !asked) {
    const auto kind = asked.error().kind;
    json refusal = json::parse(request.error_body, nullptr, false);
    const bool of_content = kind == ErrorKind::invalid || kind == ErrorKind::refused;
    if (posted != nullptr && of_content && refusal.is_object() && refusal.contains("error"))
      return refusal;
    return fail(asked.error());
  }
  json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object()) {
    return fail(ErrorKind::unavailable,
                "what answers at " + shown_url(url_) +
                    " is no Oppen console (--console-url or OPPEN_CONSOLE_URL says where it is)");
  }
  return parsed;
}

Status ConsoleApi::stream(const std::string& path, long patience_seconds,
                          const std::function<void(std::string_view)>& on_piece) const {
  Request request{path, patience_seconds, true, on_piece, nullptr, nullptr, {}};
  return perform(request);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

}  // namespace oppen::access
