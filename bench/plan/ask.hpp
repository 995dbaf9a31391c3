#pragma once
// Questions to the console, timed from before the request is handed to the client to the whole answer; and the limit of the same way: a
// bare GET of /healthz. One thread. What is no 200 ends the program.
#include <string>

#include "bench/support/bench.hpp"
#include "bench/support/must.hpp"
#include "workers/runtime/http_client.hpp"

namespace oppen::bench {

class Ask {
 public:
  explicit Ask(std::string url) : url_(std::move(url)) {}

  // `body` "": a GET.
  std::string operator()(const std::string& path, Samples& into, const std::string& body = "") {
    runtime::HttpRequest request;
    request.method = body.empty() ? "GET" : "POST";
    request.url = url_ + path;
    if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    request.body = body;
    const auto begin = SteadyClock::now();
    auto answer = must(http_.send(std::move(request)), "asking the console");
    into.add(SteadyClock::now() - begin);
    if (!answer.ok()) give_up("asking the console", path + ": " + answer.body);
    return std::move(answer.body);
  }

 private:
  std::string url_;
  runtime::HttpClient http_;
};

}  // namespace oppen::bench
