#pragma once
// The tools as a server of the Model Context Protocol: one line of JSON-RPC in, one out. It speaks revision 2026-07-28, in which each
// request says its version, and, once a client has sent `initialize`, 2025-11-25 or 2025-06-18 for the rest of the process.
// https://modelcontextprotocol.io/specification.
#include <chrono>
#include <deque>
#include <functional>
#include <iosfwd>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "producers/agent/backend.hpp"
#include "producers/agent/tool.hpp"

namespace oppen::agent {

// Of a line. A batch of 10,000 jobs takes some 3 MiB.
inline constexpr std::size_t max_line_bytes = std::size_t{8} << 20;

// How often tools may be called: `burst` at once, and so many a second.
struct CallRate {
  double burst = 60;
  double per_second = 10;
};

// One thread handles the lines, one after the other; another may hear what comes meanwhile.
class McpServer {
 public:
  using MonotonicClock = std::function<std::chrono::steady_clock::time_point()>;

  // `backend` and `log` (what is called, and what comes of it) must outlive this.
  McpServer(Backend& backend, std::ostream& log,
            MonotonicClock clock = std::chrono::steady_clock::now, CallRate rate = {});

  // The line to answer, without its end; "" where nothing is to be answered. Whatever the line is, it is answered or passed over.
  std::string handle(std::string_view line);
  // Takes a line that doesn't wait for those before it, from any thread: a ping (the line to answer), or that a request is cancelled (""),
  // which is not begun then if it waits, and not answered; one that is under way stops waiting for what others answer. nullopt: the line is to be handled.
  std::optional<std::string> hear(std::string_view line);
  // The client has gone: from now on nothing is begun that changes something, and no job's start is waited for. From any thread.
  void end() { ended_.request_stop(); }
  // The answer to a line of more than max_line_bytes.
  static std::string too_long();

 private:
  struct Request;
  nlohmann::json answer(const Request& request);
  nlohmann::json old_answer(const Request& request);
  nlohmann::json initialize(const Request& request);
  nlohmann::json call_tool(const Request& request);
  bool may_call();
  // Gives the request its turn; nullopt: it is cancelled.
  std::optional<std::stop_token> begin(const nlohmann::json& id);

  Backend& backend_;
  std::ostream& log_;
  MonotonicClock clock_;
  CallRate rate_;
  double calls_left_;
  std::chrono::steady_clock::time_point counted_at_;
  std::string old_version_;  // "": no initialize has come
  std::stop_source ended_;
  std::mutex mutex_;
  // With the mutex.
  std::deque<nlohmann::json> cancelled_;  // the latest ids that were not under way
  nlohmann::json under_way_;              // an id, null between requests
  std::stop_source stop_;                 // of that request
};

// Answers the lines of `in` on `out` until `in` ends or `out` can't be written. Reads on while a call is carried out, and returns only
// when `in` has told another line or its end.
void serve_mcp(McpServer& server, std::istream& in, std::ostream& out);

}  // namespace oppen::agent
