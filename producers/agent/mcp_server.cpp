#include "producers/agent/mcp_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <iostream>
#include <thread>

#include "schemas/cloud_event.hpp"
#include "schemas/text.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;

constexpr auto current_version = "2026-07-28";
constexpr std::array old_versions = {"2025-11-25", "2025-06-18"};
constexpr auto version_key = "io.modelcontextprotocol/protocolVersion";
constexpr auto capabilities_key = "io.modelcontextprotocol/clientCapabilities";
constexpr auto server_key = "io.modelcontextprotocol/serverInfo";
constexpr std::int64_t list_ttl_ms = 3'600'000;  // the tools are the same as long as the program is

constexpr std::size_t most_waiting_lines = 64;
constexpr std::size_t most_waiting_bytes = 2 * max_line_bytes;
constexpr std::size_t max_heard_bytes = 4096;  // what doesn't wait is short

// https://www.jsonrpc.org/specification, and of MCP the last
enum Code : int {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  unsupported_version = -32022
};

std::string to_line(const json& message) {
  return message.dump(-1, ' ', false, json::error_handler_t::replace);
}

json error_object(Code code, const std::string& message, json data = nullptr) {
  json error = {{"code", static_cast<int>(code)}, {"message", message}};
  if (!data.is_null()) error["data"] = std::move(data);
  return {{"error", std::move(error)}};
}

std::string error_line(const json& id, Code code, const std::string& message) {
  json answer = error_object(code, message);
  answer["jsonrpc"] = "2.0";
  answer["id"] = id;
  return to_line(answer);
}

json result_object(json result) { return {{"result", std::move(result)}}; }

json server_info() { return {{"name", "oppen"}, {"title", "Oppen"}, {"version", OPPEN_VERSION}}; }

json capabilities() { return {{"tools", json::object()}}; }

constexpr auto instructions =
    "Oppen runs GPU training jobs and knows what they cost. Ask before you submit: "
    "check_training_budget and compare_training_configs "
    "change nothing. Money is in micro-dollars (*_microusd) in structured results. "
    "apply_optimization only proposes: a human approves with "
    "`oppen approve ID`, and no tool can.";

json tool_object(const Tool& tool) {
  json input = tool.input;
  input["examples"] = json::array({tool.example});
  const bool read = tool.effect == Effect::read;
  return {{"name", tool.name},
          {"title", tool.title},
          {"description", tool.description},
          {"inputSchema", std::move(input)},
          {"outputSchema", tool.output},
          {"annotations",
           {{"title", tool.title},
            {"readOnlyHint", read},
            {"destructiveHint", tool.effect == Effect::destroy},
            {"idempotentHint", read},
            {"openWorldHint", false}}}};
}

json tools_list() {
  json tools = json::array();
  for (const Tool& tool : all_tools()) tools.push_back(tool_object(tool));
  return {{"tools", std::move(tools)}};
}

// Without structuredContent a failure: clients hold that against the output schema.
json told(const Outcome& outcome, const Tool& tool) {
  const auto block = [](std::string text) {
    return json{{"type", "text"}, {"text", std::move(text)}};
  };
  if (outcome) {
    return {{"content", json::array({block(outcome->text)})},
            {"structuredContent", outcome->data},
            {"isError", false}};
  }
  return {{"content", json::array({block(to_text(outcome.error(), tool)),
                                   block(to_line(to_json(outcome.error(), tool)))})},
          {"isError", true}};
}

json cacheable(json result) {
  result["ttlMs"] = list_ttl_ms;
  result["cacheScope"] = "public";
  return result;
}

}  // namespace

struct McpServer::Request {
  json id;
  std::string method;
  json params;  // an object

  // The member of params._meta; null where there is none.
  json meta(const char* key) const {
    const auto found = params.find("_meta");
    if (found == params.end() || !found->is_object()) return nullptr;
    const auto member = found->find(key);
    return member == found->end() ? json() : *member;
  }
};

McpServer::McpServer(Backend& backend, std::ostream& log, MonotonicClock clock, CallRate rate)
    : backend_(backend),
      log_(log),
      clock_(std::move(clock)),
      rate_(rate),
      calls_left_(rate.burst),
      counted_at_(clock_()) {
  backend_.hurry_on(ended_.get_token());
}

std::string McpServer::too_long() {
  return error_line(nullptr, invalid_request,
                    fmt::format("a message has at most {} bytes on its line", max_line_bytes));
}

std::string McpServer::handle(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return "";
  auto parsed = parse_event_data(line);
  if (!parsed) {
    return error_line(nullptr, parse_error,
                      "the line is not one JSON value in UTF-8 of at most 32 levels");
  }
  json& message = *parsed;
  if (!message.is_object()) {
    return error_line(nullptr, invalid_request,
                      message.is_array() ? "batches are not supported: send one message a line"
                                         : "a message is a JSON object");
  }
  const bool has_id = message.contains("id");
  // Nothing was asked of the client: an answer of his is of no request.
  if (!message.contains("method") && (message.contains("result") || message.contains("error")))
    return "";
  const json id = has_id && (message["id"].is_string() || message["id"].is_number_integer())
                      ? message["id"]
                      : json();
  if (!message.contains("jsonrpc") || message["jsonrpc"] != "2.0" || !message.contains("method") ||
      !message["method"].is_string() || (has_id && id.is_null())) {
    return error_line(
        id, invalid_request,
        "a request has \"jsonrpc\": \"2.0\", an \"id\" (text or a whole number) and a "
        "\"method\"");
  }
  if (!has_id) return "";  // a notification: none changes anything here
  Request request{id, message["method"], message.value("params", json::object())};
  if (!request.params.is_object())
    return error_line(id, invalid_params, "params is an object of named members");
  const auto stop = begin(request.id);
  if (!stop) return "";
  backend_.stop_on(*stop);
  json reply = answer(request);
  {
    const std::scoped_lock lock(mutex_);
    under_way_ = nullptr;
  }
  // https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation: it is not answered then.
  if (stop->stop_requested()) {
    log_ << "oppen mcp: that one was cancelled\n" << std::flush;
    return "";
  }
  reply["jsonrpc"] = "2.0";
  reply["id"] = request.id;
  return to_line(reply);
}

json McpServer::answer(const Request& request) {
  if (request.method == "initialize") return initialize(request);
  const json version = request.meta(version_key);
  if (!old_version_.empty()) {
    if (version.is_null()) return old_answer(request);
    return error_object(invalid_request, "this process serves revision " + old_version_ +
                                             " since `initialize`: a request names no version in "
                                             "its _meta");
  }
  if (version.is_null() && request.method == "ping") return result_object(json::object());
  // Of another version nothing else is known.
  if (version.is_string() && version != current_version) {
    return error_object(unsupported_version, "this protocol version is not supported",
                        {{"supported", json::array({current_version})}, {"requested", version}});
  }
  if (!version.is_string() || !request.meta(capabilities_key).is_object()) {
    return error_object(
        invalid_params,
        fmt::format("params._meta lacks \"{}\" (text) or \"{}\" (an object); clients of older "
                    "revisions begin with `initialize`",
                    version_key, capabilities_key));
  }
  json result;
  if (request.method == "server/discover") {
    result = cacheable({{"supportedVersions", json::array({current_version})},
                        {"capabilities", capabilities()},
                        {"instructions", instructions}});
  } else if (request.method == "tools/list") {
    result = cacheable(tools_list());
  } else if (request.method == "tools/call") {
    json called = call_tool(request);
    if (called.contains("error")) return called;
    result = std::move(called["result"]);
  } else {
    return error_object(method_not_found, "there is no method " + shortened(request.method));
  }
  result["resultType"] = "complete";
  result["_meta"][server_key] = server_info();
  return result_object(std::move(result));
}

json McpServer::old_answer(const Request& request) {
  if (request.method == "ping") return result_object(json::object());
  if (request.method == "tools/list") return result_object(tools_list());
  if (request.method == "tools/call") return call_tool(request);
  return error_object(method_not_found, "there is no method " + shortened(request.method));
}

json McpServer::initialize(const Request& request) {
  const auto wanted = request.params.find("protocolVersion");
  if (wanted == request.params.end() || !wanted->is_string())
    return error_object(invalid_params, "initialize has a protocolVersion (text)");
  const auto found =
      std::find(old_versions.begin(), old_versions.end(), wanted->get<std::string>());
  old_version_ = found == old_versions.end() ? old_versions.front() : *found;
  return result_object({{"protocolVersion", old_version_},
                        {"capabilities", capabilities()},
                        {"serverInfo", server_info()},
                        {"instructions", instructions}});
}

json McpServer::call_tool(const Request& request) {
  const auto name = request.params.find("name");
  if (name == request.params.end() || !name->is_string())
    return error_object(invalid_params, "tools/call has a name (text)");
  const Tool* const tool = find_tool(name->get<std::string>());
  if (tool == nullptr) {
    json names = json::array();
    for (const Tool& one : all_tools()) names.push_back(one.name);
    return error_object(invalid_params, "there is no tool " + shortened(name->get<std::string>()),
                        {{"tools", std::move(names)}});
  }
  json arguments = request.params.value("arguments", json::object());
  if (!arguments.is_object())
    return error_object(invalid_params, "arguments is an object of named members");
  const auto begin = clock_();
  const auto outcome = [&]() -> Outcome {
    if (ended_.stop_requested() && tool->effect != Effect::read) {
      return tl::unexpected(
          Failure{ErrorKind::unavailable,
                  "the input has ended: what changes something is not begun; nothing was done"});
    }
    if (may_call()) return call(*tool, backend_, std::move(arguments));
    return tl::unexpected(
        Failure{ErrorKind::unavailable,
                fmt::format("too many calls: at most {} at once and {} a second; nothing was done, "
                            "call it again in a second",
                            rate_.burst, rate_.per_second)});
  }();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_() - begin);
  log_ << fmt::format("oppen mcp: {} {} in {} ms\n", tool->name,
                      outcome ? "done" : to_string(outcome.error().kind), took.count())
       << std::flush;
  return result_object(told(outcome, *tool));
}

bool McpServer::may_call() {
  const auto now = clock_();
  const double passed = std::chrono::duration<double>(now - counted_at_).count();
  calls_left_ = std::min(rate_.burst, calls_left_ + passed * rate_.per_second);
  counted_at_ = now;
  if (calls_left_ < 1) return false;
  calls_left_ -= 1;
  return true;
}

std::optional<std::string> McpServer::hear(std::string_view line) {
  if (line.size() > max_heard_bytes) return std::nullopt;
  const auto message = parse_event_data(line);
  if (!message || !message->is_object() || message->value("jsonrpc", json()) != "2.0")
    return std::nullopt;
  const json method = message->value("method", json());
  const json params = message->value("params", json::object());
  const json id = message->value("id", json());
  if (method == "notifications/cancelled" && id.is_null() && params.is_object()) {
    const std::scoped_lock lock(mutex_);
    const json of = params.value("requestId", json());
    if (!of.is_null() && of == under_way_) {
      stop_.request_stop();
      return "";
    }
    cancelled_.push_back(of);
    if (cancelled_.size() > most_waiting_lines) cancelled_.pop_front();
    return "";
  }
  // A request of the current revision names it in its params, and there is no ping in it.
  if (method != "ping" || !(id.is_string() || id.is_number_integer()) || params != json::object())
    return std::nullopt;
  json reply = result_object(json::object());
  reply["jsonrpc"] = "2.0";
  reply["id"] = id;
  return to_line(reply);
}

std::optional<std::stop_token> McpServer::begin(const json& id) {
  const std::scoped_lock lock(mutex_);
  if (std::erase(cancelled_, id) > 0) return std::nullopt;
  under_way_ = id;
  stop_ = std::stop_source();
  return stop_.get_token();
}

namespace {

// What has come and is not handled yet. One thread puts, another takes.
class WaitingLines {
 public:
  // Waits while too much waits. nullopt: a line that was too long. false: no more is wanted.
  bool put(std::optional<std::string> line) {
    std::unique_lock lock(mutex_);
    const std::size_t bytes = line ? line->size() : 0;
    changed_.wait(lock, [&] {
      return closed_ || lines_.empty() ||
             (lines_.size() < most_waiting_lines && bytes_ + bytes <= most_waiting_bytes);
    });
    if (closed_) return false;
    bytes_ += bytes;
    lines_.push_back(std::move(line));
    changed_.notify_all();
    return true;
  }

  // Waits for one. false: there is none, and none will come.
  bool take(std::optional<std::string>& line) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !lines_.empty(); });
    if (lines_.empty()) return false;
    line = std::move(lines_.front());
    lines_.pop_front();
    bytes_ -= line ? line->size() : 0;
    changed_.notify_all();
    return true;
  }

  // What waits can be taken still; no more is put.
  void close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::optional<std::string>> lines_;
  std::size_t bytes_ = 0;
  bool closed_ = false;
};

// Each line of `in`, also the last one without its end, or nullopt for one that is too long, until `take` wants no more.
void read_lines(std::istream& in,
                const std::function<bool(std::optional<std::string> line)>& take) {
  std::string line;
  bool too_long = false;
  std::streambuf& buffer = *in.rdbuf();
  using Traits = std::istream::traits_type;
  while (true) {
    const auto c = buffer.sbumpc();
    const bool ends = Traits::eq_int_type(c, Traits::eof());
    if (!ends && c != '\n') {
      too_long = too_long || line.size() == max_line_bytes;
      if (!too_long) line += Traits::to_char_type(c);
      continue;
    }
    if (!take(too_long ? std::nullopt : std::optional(std::move(line))) || ends) return;
    line.clear();
    too_long = false;
  }
}

}  // namespace

void serve_mcp(McpServer& server, std::istream& in, std::ostream& out) {
  std::mutex writing;
  const auto write = [&](const std::string& reply) {
    const std::scoped_lock lock(writing);
    if (!reply.empty()) out << reply << '\n' << std::flush;
    return out.good();
  };
  WaitingLines waiting;
  std::thread reader([&] {
    read_lines(in, [&](std::optional<std::string> line) {
      const auto reply = line ? server.hear(*line) : std::nullopt;
      return reply ? write(*reply) : waiting.put(std::move(line));
    });
    server.end();
    waiting.close();
  });
  for (std::optional<std::string> line; waiting.take(line);) {
    if (write(line ? server.handle(*line) : McpServer::too_long())) continue;
    waiting.close();
    break;
  }
  reader.join();
}

}  // namespace oppen::agent
