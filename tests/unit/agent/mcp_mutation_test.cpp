// Thousands of damaged messages, the same each time: each is answered by one JSON line or by none, a command is sent only for a whole and valid
// call, and afterwards the server answers as before.
#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "producers/agent/mcp_server.hpp"
#include "producers/agent/schema_check.hpp"
#include "tests/unit/agent/fake_backend.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;

constexpr int rounds = 20'000;

json with_meta(json params) {
  params["_meta"] = {{"io.modelcontextprotocol/protocolVersion", "2026-07-28"},
                     {"io.modelcontextprotocol/clientCapabilities", json::object()}};
  return params;
}

// Of the current revision, or of those that begin with `initialize`.
std::vector<std::string> whole_messages(bool current) {
  std::vector<std::string> all;
  const auto add = [&](const char* method, const json& params) {
    all.push_back(json({{"jsonrpc", "2.0"},
                        {"id", all.size()},
                        {"method", method},
                        {"params", current ? with_meta(params) : params}})
                      .dump());
  };
  if (current) {
    add("server/discover", json::object());
  } else {
    add("initialize", {{"protocolVersion", "2025-11-25"}, {"capabilities", json::object()}});
  }
  add("tools/list", json::object());
  for (const Tool& tool : all_tools())
    add("tools/call", {{"name", tool.name}, {"arguments", tool.example}});
  return all;
}

class Damage {
 public:
  std::string of(std::string text, const std::string& other) {
    const auto times = 1 + below(3);
    for (std::size_t i = 0; i < times; ++i) once(text, other);
    return text;
  }
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }

 private:
  void once(std::string& text, const std::string& other) {
    static const std::vector<std::string> words = {"null",
                                                   "-1",
                                                   "1e999",
                                                   "\"\"",
                                                   "[]",
                                                   "{}",
                                                   "true",
                                                   "18446744073709551616",
                                                   "\"\\u0000\"",
                                                   "\xf0\x9f\x98\x80",
                                                   "\xff",
                                                   std::string(200, '['),
                                                   std::string(3000, 'a'),
                                                   "{\"a\":",
                                                   "\\",
                                                   "\"",
                                                   ",",
                                                   ":"};
    const auto at = text.empty() ? 0 : below(text.size());
    const auto length = text.empty() ? 0 : below(std::min<std::size_t>(text.size() - at, 20) + 1);
    switch (below(9)) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, words[below(words.size())]);
        break;
      case 3:
        text.replace(at, length, words[below(words.size())]);
        break;
      case 4: {
        const auto from = below(other.size());
        text.replace(at, length, other.substr(from, below(60)));
        break;
      }
      default:
        value(text);
    }
    std::erase(text, '\n');  // a message is one line
  }
  // Another value in a place where there is one: these stay JSON.
  void value(std::string& text) {
    json message = json::parse(text, nullptr, false);
    if (!message.is_object()) return;
    json* place = &message;
    while (place->is_structured() && !place->empty() && below(4) > 0) {
      auto member = place->begin();
      std::advance(member, static_cast<std::ptrdiff_t>(below(place->size())));
      place = &*member;
    }
    static const std::vector<json> values = {nullptr,        -1,   1e300, "", json::array(),
                                             json::object(), true, "x",   3,  "2026-07-28"};
    *place = values[below(values.size())];
    text = message.dump(-1, ' ', false, json::error_handler_t::replace);
  }

  std::mt19937 random_{20260728};
};

// A tools/call that may do what it did.
bool is_whole_call(const std::string& line) {
  const json message = json::parse(line, nullptr, false);
  if (!message.is_object() || message.value("method", json()) != "tools/call" ||
      !message.contains("id"))
    return false;
  const json params = message.value("params", json::object());
  if (!params.is_object() || !params.contains("name") || !params["name"].is_string()) return false;
  const Tool* const tool = find_tool(params["name"].get<std::string>());
  return tool != nullptr && tool->effect != Effect::read &&
         check_schema(tool->input, params.value("arguments", json::object())).empty();
}

TEST(McpMutation, DamagedMessagesEndNothingAndChangeNothing) {
  FakeBackend backend;
  backend.answers["simulate"] = {{"jobs", json::array()}, {"estimated_cost_microusd", 1}};
  backend.answers["jobs/mnist-7"] = {{"job_id", "mnist-7"}, {"state", "queued"}};
  std::ostringstream log;
  std::chrono::steady_clock::time_point now{};
  const std::vector<std::string> of_revision[] = {whole_messages(true), whole_messages(false)};
  Damage damage;
  int errors = 0;
  int results = 0;
  std::size_t commands = 0;
  std::optional<McpServer> server;
  for (int round = 0; round < rounds; ++round) {
    const bool old = round / 20 % 2 == 1;
    const auto& whole = of_revision[old ? 1 : 0];
    if (round % 20 == 0) {
      server.emplace(backend, log, [&now] { return now += std::chrono::seconds{1}; });
      if (old) server->handle(whole.front());
    }
    const auto line =
        damage.of(whole[damage.below(whole.size())], whole[damage.below(whole.size())]);
    const auto reply = server->handle(line);
    if (backend.commands() != commands) {
      ASSERT_TRUE(is_whole_call(line)) << line;
      commands = backend.commands();
    }
    if (reply.empty()) continue;
    ASSERT_EQ(reply.find('\n'), std::string::npos) << line;
    const json answer = json::parse(reply, nullptr, false);
    ASSERT_TRUE(answer.is_object()) << line;
    ASSERT_EQ(answer["jsonrpc"], "2.0") << line;
    ASSERT_TRUE(answer.contains("id")) << line;
    ASSERT_NE(answer.contains("result"), answer.contains("error")) << line;
    ++(answer.contains("error") ? errors : results);
  }
  EXPECT_GT(errors, rounds / 4);
  EXPECT_GT(results, rounds / 50) << "the damage leaves nothing to try";
  server.emplace(backend, log);
  EXPECT_NE(server->handle(of_revision[0].front()).find("supportedVersions"), std::string::npos);
}

}  // namespace
}  // namespace oppen::agent
