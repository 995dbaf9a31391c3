#pragma once
// One request in libcurl's hands. Used by http_client.cpp on its own thread only.
#include <curl/curl.h>

#include <memory>

#include "workers/runtime/http_client.hpp"

namespace oppen::runtime {

class HttpTransfer {
 public:
  // `on_chunk` is empty for a request that doesn't stream.
  HttpTransfer(HttpClient::RequestId id, HttpRequest request, std::chrono::seconds quiet_limit,
               HttpClient::OnChunk on_chunk, HttpClient::Done done);

  // Sets the options. Errors: invalid.
  Status prepare();

  CURL* handle() const { return easy_.get(); }
  HttpClient::RequestId id() const { return id_; }

  // Calls Done with what libcurl says of the finished transfer.
  void finish(CURLcode code);
  // Calls Done with an error.
  void fail_with(ErrorKind kind, const std::string& what);

 private:
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static int on_socket(void* self, curl_socket_t socket, curlsocktype purpose);
  std::string target() const;

  struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  struct ListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  HttpClient::RequestId id_;
  HttpRequest request_;
  std::chrono::seconds quiet_limit_;
  HttpClient::OnChunk on_chunk_;
  HttpClient::Done done_;
  HttpResponse response_;
  bool too_large_ = false;
  bool ended_by_reader_ = false;
  char error_[CURL_ERROR_SIZE] = {};
  std::unique_ptr<curl_slist, ListDeleter> headers_;
  std::unique_ptr<CURL, EasyDeleter> easy_;  // last: it uses the others until it is gone
};

}  // namespace oppen::runtime
