#pragma once
// HTTP requests over libcurl: many at once on one thread, HTTP/2 where TLS offers it, and answers
// that stream without end.
//
// One HttpClient owns one thread, on which every callback and timer runs, one at a time: don't
// block in them. All methods may be called from any thread, callbacks included. A request's Done is
// called exactly once. stop() (and the destructor) ends every request that is open with an Error
// and drops the timers; call it from outside the callbacks.
//
// Redirects are not followed. An Error never names more of a URL than its scheme and host: a
// webhook's path is a secret.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/error.hpp"

namespace oppen::runtime {

// PEM texts. An empty ca: the system's certificate authorities.
struct HttpTls {
  std::string ca;
  std::string certificate;  // the client's, with its key
  std::string key;
  bool insecure = false;  // accept any server
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http or https
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::chrono::milliseconds timeout{
      30'000};  // from start to the last byte of the answer; not for streams
  std::chrono::milliseconds connect_timeout{5'000};
  std::size_t max_body = std::size_t{16}
                         << 20;  // a longer answer is an error (a stream: while it isn't a 2xx)
  std::shared_ptr<const HttpTls> tls;  // null: the system's authorities, no certificate
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; the last of a name
  std::string body;                            // of a stream: only of an answer that isn't a 2xx

  bool ok() const { return status >= 200 && status < 300; }
  // "" when absent. `name` in lower case.
  std::string header(const std::string& name) const;
};

class HttpClient {
 public:
  // Errors: unavailable (no answer: refused, timed out, broken, cancelled, stopped), invalid
  // (malformed URL, a certificate that doesn't fit, an answer larger than max_body). Any status is
  // a response.
  using Done = std::function<void(Result<HttpResponse>)>;
  // A piece of a 2xx answer's body as it arrives; first an empty one, when the answer begins. False
  // ends the stream (Done gets an Error).
  using OnChunk = std::function<bool(std::string_view)>;
  using RequestId = std::uint64_t;

  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  RequestId start(HttpRequest request, Done done);

  // No time limit in all; an Error once nothing has come for `quiet_limit`. Done gets the response
  // when the server ends it.
  RequestId stream(HttpRequest request, std::chrono::seconds quiet_limit, OnChunk on_chunk,
                   Done done);

  // Ends a request early: its Done gets an Error, unless it was over already.
  void cancel(RequestId id);

  // Calls `callback` on the client's thread once `delay` has passed; dropped by stop().
  void run_after(std::chrono::milliseconds delay, std::function<void()> callback);

  // Waits for the answer, at most the request's timeout. Not from a callback.
  Result<HttpResponse> send(HttpRequest request);

  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::runtime
