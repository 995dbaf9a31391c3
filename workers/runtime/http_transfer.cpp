#include "workers/runtime/http_transfer.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>

namespace oppen::runtime {
namespace {

// A peer that vanished without a word is noticed after this long, also on a connection that is only
// listened to: libcurl would go on handing out a dead HTTP/2 connection for as long as the kernel
// believes in it.
constexpr int dead_peer_ms = 20'000;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  return text;
}

// A blob that libcurl reads but doesn't copy.
curl_blob blob_of(const std::string& text) {
  return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
}

bool is_our_fault(CURLcode code) {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return true;
    default:
      return false;
  }
}

}  // namespace

HttpTransfer::HttpTransfer(HttpClient::RequestId id, HttpRequest request,
                           std::chrono::seconds quiet_limit, HttpClient::OnChunk on_chunk,
                           HttpClient::Done done)
    : id_(id),
      request_(std::move(request)),
      quiet_limit_(quiet_limit),
      on_chunk_(std::move(on_chunk)),
      done_(std::move(done)) {}

Status HttpTransfer::prepare() {
  easy_.reset(curl_easy_init());
  CURL* easy = easy_.get();
  if (easy == nullptr) return fail(ErrorKind::unavailable, "libcurl has no handle left");

  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  if (curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str()) != CURLE_OK) {
    return fail(ErrorKind::invalid, target() + ": malformed URL");
  }
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
  // Rather wait for a connection that can be shared than open one each. Without TLS there is no
  // HTTP/2, and who waits for that waits as long as a stream holds the first connection.
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, request_.url.starts_with("https:") ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &HttpTransfer::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, &HttpTransfer::on_socket);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(request_.connect_timeout.count()));
  if (on_chunk_) {
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(quiet_limit_.count()));
  } else {
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout.count()));
  }

  if (request_.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request_.method != "GET" || !request_.body.empty()) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.c_str());
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
  const auto add_header = [this](const std::string& line) {
    curl_slist* list = curl_slist_append(headers_.get(), line.c_str());
    static_cast<void>(headers_.release());
    headers_.reset(list);
  };
  add_header("Expect:");  // no round trip before a body
  for (const auto& [name, value] : request_.headers) {
    std::string line = name;
    line.append(": ").append(value);
    add_header(line);
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());

  if (const HttpTls* tls = request_.tls.get()) {
    if (tls->insecure) {
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!tls->ca.empty()) {
      const curl_blob blob = blob_of(tls->ca);
      curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    }
    if (!tls->certificate.empty()) {
      const curl_blob certificate = blob_of(tls->certificate);
      const curl_blob key = blob_of(tls->key);
      curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
      curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
    }
  }
  return {};
}

void HttpTransfer::finish(CURLcode code) {
  if (too_large_) {
    fail_with(ErrorKind::invalid,
              "the answer is larger than " + std::to_string(request_.max_body) + " bytes");
  } else if (ended_by_reader_) {
    fail_with(ErrorKind::unavailable, "ended by its reader");
  } else if (code != CURLE_OK) {
    const std::string what = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
    fail_with(is_our_fault(code) ? ErrorKind::invalid : ErrorKind::unavailable, what);
  } else {
    done_(std::move(response_));
  }
}

void HttpTransfer::fail_with(ErrorKind kind, const std::string& what) {
  done_(fail(kind, target() + ": " + what));
}

std::size_t HttpTransfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  const std::size_t length = size * count;
  if (transfer.on_chunk_ && transfer.response_.ok()) {
    if (!transfer.on_chunk_({data, length})) {
      transfer.ended_by_reader_ = true;
      return CURL_WRITEFUNC_ERROR;
    }
    return length;
  }
  if (transfer.response_.body.size() + length > transfer.request_.max_body) {
    transfer.too_large_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.response_.body.append(data, length);
  return length;
}

std::size_t HttpTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<HttpTransfer*>(self);
  const std::string_view line = trimmed({data, size * count});
  if (line.starts_with("HTTP/")) {  // also after an interim answer: what came before doesn't count
    transfer.response_ = {};
    long status = 0;
    curl_easy_getinfo(transfer.handle(), CURLINFO_RESPONSE_CODE, &status);
    transfer.response_.status = static_cast<int>(status);
  } else if (line.empty() && transfer.on_chunk_ && transfer.response_.ok()) {
    if (!transfer.on_chunk_({})) {
      transfer.ended_by_reader_ = true;
      return CURL_WRITEFUNC_ERROR;
    }
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    transfer.response_.headers[std::move(name)] = std::string(trimmed(line.substr(colon + 1)));
  }
  return size * count;
}

int HttpTransfer::on_socket(void* /*self*/, curl_socket_t socket, curlsocktype /*purpose*/) {
  const int on = 1;
  const int idle_seconds = 10;
  const int interval_seconds = 5;
  setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds);
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_peer_ms, sizeof dead_peer_ms);
  return CURL_SOCKOPT_OK;
}

// "POST https://host:port"
std::string HttpTransfer::target() const {
  const auto scheme = request_.url.find("://");
  const auto host = scheme == std::string::npos ? 0 : scheme + 3;
  std::string_view authority = std::string_view(request_.url).substr(host);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const auto at = authority.rfind('@'); at != std::string_view::npos)
    authority.remove_prefix(at + 1);
  return request_.method + " " + request_.url.substr(0, host) + std::string(authority);
}

}  // namespace oppen::runtime
