// Proves the protocol in its three revisions, and that whatever else comes gets the right error and changes nothing.
#include "producers/agent/mcp_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <set>
#include <sstream>

#include "tests/unit/agent/fake_backend.hpp"

namespace oppen::agent {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const json current_meta = {{"io.modelcontextprotocol/protocolVersion", "2026-07-28"},
                           {"io.modelcontextprotocol/clientCapabilities", json::object()}};

class Mcp : public ::testing::Test {
 protected:
  json ask(const json& message) { return answer(message.dump()); }
  json answer(const std::string& line) {
    const auto reply = server_.handle(line);
    return reply.empty() ? json("nothing") : json::parse(reply);
  }
  // In the current revision.
  json request(const std::string& method, json params = json::object()) {
    params["_meta"] = current_meta;
    return ask({{"jsonrpc", "2.0"}, {"id", 7}, {"method", method}, {"params", params}});
  }
  json call(const std::string& tool, const json& arguments) {
    return request("tools/call", {{"name", tool}, {"arguments", arguments}});
  }
  json old(const std::string& method, const json& params = json::object()) {
    return ask({{"jsonrpc", "2.0"}, {"id", "a"}, {"method", method}, {"params", params}});
  }

  FakeBackend backend_;
  std::ostringstream log_;
  std::chrono::steady_clock::time_point now_{};
  McpServer server_{backend_, log_, [this] { return now_; }, {5, 1}};
};

TEST_F(Mcp, CurrentRevisionNeedsNoBeginning) {
  const json found = request("server/discover");
  EXPECT_EQ(found["id"], 7);
  const json& result = found["result"];
  EXPECT_EQ(result["supportedVersions"], json({"2026-07-28"}));
  EXPECT_TRUE(result["capabilities"]["tools"].is_object());
  EXPECT_EQ(result["resultType"], "complete");
  EXPECT_EQ(result["cacheScope"], "public");
  EXPECT_GT(result["ttlMs"], 0);
  EXPECT_EQ(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "oppen");
  EXPECT_THAT(result["instructions"].get<std::string>(), HasSubstr("oppen approve"));

  const json list = request("tools/list")["result"];
  EXPECT_EQ(list["resultType"], "complete");
  EXPECT_EQ(list["tools"].size(), all_tools().size());
  EXPECT_FALSE(list.contains("nextCursor"));

  const json called = call("get_queue_status", json::object())["result"];
  EXPECT_EQ(called["resultType"], "complete");
  EXPECT_EQ(called["isError"], false);
  EXPECT_EQ(called["structuredContent"]["pending_cost_microusd"], 31400);
  EXPECT_THAT(called["content"][0]["text"].get<std::string>(), HasSubstr("$0.0314"));
  EXPECT_THAT(log_.str(), HasSubstr("get_queue_status done"));
}

TEST_F(Mcp, ARequestSaysItsVersion) {
  EXPECT_EQ(old("tools/list")["error"]["code"], -32602);
  json half = {{"_meta", {{"io.modelcontextprotocol/protocolVersion", "2026-07-28"}}}};
  EXPECT_EQ(old("tools/list", half)["error"]["code"], -32602) << "its capabilities, too";
  half["_meta"] = current_meta;
  half["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2030-01-01";
  const json error = old("tools/list", half)["error"];
  EXPECT_EQ(error["code"], -32022);
  half["_meta"].erase("io.modelcontextprotocol/clientCapabilities");
  EXPECT_EQ(old("tools/list", half)["error"]["code"], -32022)
      << "what else it has to say is not known";
  EXPECT_EQ(error["data"], json({{"supported", {"2026-07-28"}}, {"requested", "2030-01-01"}}));
  EXPECT_EQ(request("ping")["error"]["code"], -32601) << "it is gone from this revision";
  EXPECT_EQ(request("no/such")["error"]["code"], -32601);
}

TEST_F(Mcp, OlderRevisionsBeginWithInitialize) {
  EXPECT_EQ(old("ping")["result"], json::object()) << "allowed before it";
  for (const std::string version : {"2025-11-25", "2025-06-18"}) {
    const json begun = old(
        "initialize", {{"protocolVersion", version}, {"capabilities", json::object()}})["result"];
    EXPECT_EQ(begun["protocolVersion"], version);
    EXPECT_EQ(begun["serverInfo"]["name"], "oppen");
    EXPECT_EQ(answer(R"({"jsonrpc":"2.0","method":"notifications/initialized"})"), "nothing");
    const json list = old("tools/list")["result"];
    EXPECT_EQ(list["tools"].size(), all_tools().size());
    EXPECT_FALSE(list.contains("resultType") || list.contains("ttlMs"));
    const json called = old("tools/call", {{"name", "get_queue_status"}})["result"];
    EXPECT_EQ(called["structuredContent"]["slots"], 3);
    EXPECT_FALSE(called.contains("resultType"));
    EXPECT_EQ(old("ping")["result"], json::object());
    EXPECT_EQ(old("server/discover")["error"]["code"], -32601);
    EXPECT_EQ(request("tools/list")["error"]["code"], -32600) << "not both in one process";
  }
  EXPECT_EQ(old("initialize", {{"protocolVersion", "1999-01-01"}})["result"]["protocolVersion"],
            "2025-11-25");
  EXPECT_EQ(old("initialize")["error"]["code"], -32602);
}

TEST_F(Mcp, ToolsSayWhatTheyDo) {
  const json tools = request("tools/list")["result"]["tools"];
  std::set<std::string> changing;
  std::set<std::string> destructive;
  for (const json& tool : tools) {
    const auto name = tool["name"].get<std::string>();
    EXPECT_EQ(tool["inputSchema"]["type"], "object") << name;
    EXPECT_EQ(tool["outputSchema"]["type"], "object") << name;
    EXPECT_EQ(tool["inputSchema"]["examples"].size(), 1u) << name;
    if (tool["annotations"]["readOnlyHint"] == false) changing.insert(name);
    if (tool["annotations"]["destructiveHint"] == true) destructive.insert(name);
    EXPECT_EQ(name.find("approve"), std::string::npos);
    EXPECT_EQ(name.find("reject"), std::string::npos);
    EXPECT_EQ(name.find("undo"), std::string::npos);
  }
  EXPECT_EQ(changing, (std::set<std::string>{"queue_training_job", "trigger_training_job",
                                             "submit_batch_training_jobs", "cancel_queued_job",
                                             "apply_optimization"}));
  EXPECT_EQ(destructive, (std::set<std::string>{"cancel_queued_job"}));
}

TEST_F(Mcp, AWrongArgumentIsAnAnswerThatRepairsTheCall) {
  const json result =
      call("queue_training_job", {{"model_type", "mnist"}, {"epochs", "two"}})["result"];
  EXPECT_EQ(result["isError"], true);
  EXPECT_FALSE(result.contains("structuredContent"));
  EXPECT_THAT(result["content"][0]["text"].get<std::string>(),
              HasSubstr("epochs is \"two\": expected a whole number from 1 to 1000000"));
  const json error = json::parse(result["content"][1]["text"].get<std::string>())["error"];
  EXPECT_EQ(error["code"], "invalid");
  EXPECT_EQ(error["fields"][0], json({{"field", "epochs"},
                                      {"value", "\"two\""},
                                      {"expected", "a whole number from 1 to 1000000"}}));
  EXPECT_EQ(error["example"]["model_type"], "mnist");
  EXPECT_EQ(backend_.commands(), 0u);
}

TEST_F(Mcp, AnUnknownToolIsAnErrorOfTheProtocol) {
  const json error = call("approve", json::object())["error"];
  EXPECT_EQ(error["code"], -32602);
  EXPECT_EQ(error["data"]["tools"].size(), all_tools().size());
  EXPECT_EQ(request("tools/call")["error"]["code"], -32602);
  EXPECT_EQ(request("tools/call", {{"name", 3}})["error"]["code"], -32602);
  EXPECT_EQ(call("get_queue_status", "all")["error"]["code"], -32602);
}

TEST_F(Mcp, MalformedMessagesGetTheirError) {
  for (const char* const line : {"{", "nonsense", "{\"a\":\"\xff\"}", "{} {}", "\"", "[1,"})
    EXPECT_EQ(answer(line)["error"]["code"], -32700) << line;
  EXPECT_EQ(answer(std::string(40, '[') + std::string(40, ']'))["error"]["code"], -32700)
      << "too deep";
  for (const char* const line :
       {"[]", "1", "null", R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])", "{}",
        R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"1.0","id":1,"method":"ping"})",
        R"({"id":1,"method":"ping"})", R"({"jsonrpc":"2.0","id":1,"method":7})",
        R"({"jsonrpc":"2.0","id":null,"method":"ping"})",
        R"({"jsonrpc":"2.0","id":{},"method":"ping"})",
        R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})"})
    EXPECT_EQ(answer(line)["error"]["code"], -32600) << line;
  EXPECT_EQ(answer(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[1]})")["error"]["code"],
            -32602);
  for (const char* const line :
       {"", "  ", "\r", R"({"jsonrpc":"2.0","method":"notifications/cancelled"})",
        R"({"jsonrpc":"2.0","method":"tools/call","params":{"name":"queue_training_job"}})",
        R"({"jsonrpc":"2.0","id":3,"result":{}})", R"({"jsonrpc":"2.0","id":3,"error":{}})"})
    EXPECT_EQ(answer(line), "nothing") << line;
  EXPECT_EQ(backend_.commands(), 0u);
}

TEST_F(Mcp, CallsAreLimited) {
  const auto is_refused = [this] {
    return call("get_queue_status", json::object())["result"]["isError"] == true;
  };
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(is_refused());
  EXPECT_TRUE(is_refused());
  now_ += std::chrono::seconds{2};
  EXPECT_FALSE(is_refused());
  EXPECT_FALSE(is_refused());
  const json result = call("queue_training_job", {{"model_type", "mnist"}})["result"];
  EXPECT_THAT(result["content"][0]["text"].get<std::string>(), HasSubstr("too many calls"));
  EXPECT_EQ(backend_.commands(), 0u);
  EXPECT_EQ(request("tools/list")["result"]["tools"].size(), all_tools().size())
      << "costs nobody anything";
}

TEST_F(Mcp, AConsoleThatAnswersNonsenseEndsNothing) {
  backend_.answers["budgets"] = {{"budgets", 3}};
  const json result =
      call("check_training_budget", {{"model_type", "mnist"}, {"budget_usd", 1}})["result"];
  EXPECT_EQ(result["isError"], true);
  EXPECT_THAT(result["content"][0]["text"].get<std::string>(), HasSubstr("can't be read"));
  backend_.answers.clear();
  EXPECT_EQ(call("list_queued_jobs", json::object())["result"]["isError"], true);
}

TEST_F(Mcp, WhatIsCancelledBeforeItsTurnIsNotDone) {
  const json queue_job = {{"jsonrpc", "2.0"},
                          {"id", 7},
                          {"method", "tools/call"},
                          {"params",
                           {{"name", "queue_training_job"},
                            {"arguments", {{"model_type", "mnist"}}},
                            {"_meta", current_meta}}}};
  EXPECT_FALSE(server_.hear(queue_job.dump())) << "it waits for its turn";
  EXPECT_EQ(server_.hear(
                R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})"),
            "");
  EXPECT_EQ(ask(queue_job), "nothing");
  EXPECT_EQ(backend_.commands(), 0u);
  EXPECT_FALSE(ask(queue_job)["result"]["isError"]) << "that one alone";
  server_.end();
  EXPECT_EQ(ask(queue_job)["result"]["isError"], true) << "nobody is there any more";
  EXPECT_EQ(backend_.commands(), 1u);
  EXPECT_EQ(call("get_queue_status", json::object())["result"]["isError"], false);
}

TEST_F(Mcp, WhatIsCancelledWhileItWaitsEndsAndIsNotAnswered) {
  const auto cancel = [this](int id) {
    return server_.hear(json{
        {"jsonrpc", "2.0"}, {"method", "notifications/cancelled"}, {"params", {{"requestId", id}}}}
                            .dump());
  };
  const json slow = {{"jsonrpc", "2.0"},
                     {"id", 7},
                     {"method", "tools/call"},
                     {"params", {{"name", "get_queue_status"}, {"_meta", current_meta}}}};
  backend_.before_answer = [&] {
    EXPECT_EQ(cancel(8), "") << "of another";
    EXPECT_FALSE(backend_.stopping().stop_requested());
    EXPECT_EQ(cancel(7), "");
    EXPECT_TRUE(backend_.stopping().stop_requested()) << "it need not be waited for";
  };
  EXPECT_EQ(ask(slow), "nothing");
  EXPECT_THAT(log_.str(), HasSubstr("cancelled"));
  backend_.before_answer = [&] { EXPECT_FALSE(backend_.stopping().stop_requested()); };
  EXPECT_FALSE(ask(slow)["result"]["isError"]) << "that one alone";
  EXPECT_EQ(cancel(7), "") << "it comes too late";
}

// Whatever of the questions before the command fails, or is passed over when it fails.
TEST_F(Mcp, WhatIsCancelledBeforeItIsSentIsNotSent) {
  backend_.answers["jobs/llm-7"] = {
      {"job_id", "llm-7"},
      {"state", "queued"},
      {"spec", {{"job_id", "llm-7"}, {"model_type", "mnist"}, {"epochs", 2}}}};
  backend_.answers["simulate"] = {{"jobs", json::array()}};
  backend_.answers["simulate/policy"] = {
      {"error", {{"code", "refused"}, {"message", "it can't be told"}}}};
  const json jobs = json::array({{{"model_type", "mnist"}}});
  const json policy = {{"key", "preemption_enabled"}, {"value", "true"}};
  for (const auto& [tool, arguments] :
       {std::pair("submit_batch_training_jobs", json{{"jobs", jobs}}),
        std::pair("cancel_queued_job", json{{"job_id", "llm-7"}}),
        std::pair("apply_optimization", json{{"changes", policy}})}) {
    const json asked = {
        {"jsonrpc", "2.0"},
        {"id", 7},
        {"method", "tools/call"},
        {"params", {{"name", tool}, {"arguments", arguments}, {"_meta", current_meta}}}};
    backend_.before_answer = [this] {
      server_.hear(
          R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})");
    };
    EXPECT_EQ(ask(asked), "nothing") << tool;
    EXPECT_EQ(backend_.commands(), 0u) << tool;
    backend_.before_answer = [] {};
    now_ += std::chrono::seconds{5};
    EXPECT_EQ(ask(asked)["result"]["isError"], false) << tool << ": that one alone was cancelled";
    EXPECT_EQ(backend_.commands(), 1u) << tool;
    backend_.batches.clear();
    backend_.cancelled.clear();
    backend_.proposed.clear();
  }
}

// Tells when the first line has been written.
class FirstLine : public std::stringbuf {
 public:
  std::promise<void> written;

 private:
  int sync() override {
    if (!std::exchange(told_, true)) written.set_value();
    return 0;
  }
  bool told_ = false;
};

TEST_F(Mcp, APingDoesNotWaitForTheCallBeforeIt) {
  FirstLine buffer;
  auto written = buffer.written.get_future();
  backend_.before_answer = [&] {
    EXPECT_EQ(written.wait_for(std::chrono::minutes{1}), std::future_status::ready);
  };
  const json slow = {{"jsonrpc", "2.0"},
                     {"id", "slow"},
                     {"method", "tools/call"},
                     {"params", {{"name", "get_queue_status"}, {"_meta", current_meta}}}};
  std::istringstream in(slow.dump() + "\n" + R"({"jsonrpc":"2.0","id":"ping","method":"ping"})" +
                        "\n");
  std::ostream out(&buffer);
  serve_mcp(server_, in, out);
  std::istringstream lines(buffer.str());
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(json::parse(line)["id"], "ping");
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(json::parse(line)["id"], "slow");
}

TEST_F(Mcp, ServesLinesUntilTheyEnd) {
  std::istringstream in(R"({"jsonrpc":"2.0","id":1,"method":"ping"})"
                        "\n\n" +
                        std::string(max_line_bytes + 1, 'x') + "\n" +
                        R"({"jsonrpc":"2.0","id":2,"method":"none"})");
  std::ostringstream out;
  serve_mcp(server_, in, out);
  std::istringstream lines(out.str());
  std::vector<json> replies;
  for (std::string line; std::getline(lines, line);) replies.push_back(json::parse(line));
  ASSERT_EQ(replies.size(), 3u);
  // The ping doesn't wait for its turn.
  const auto ping = std::find_if(replies.begin(), replies.end(),
                                 [](const json& reply) { return reply["id"] == 1; });
  ASSERT_NE(ping, replies.end());
  EXPECT_TRUE(ping->contains("result"));
  replies.erase(ping);
  EXPECT_EQ(replies[0]["error"]["code"], -32600);
  EXPECT_EQ(replies[0]["id"], nullptr);
  EXPECT_EQ(replies[1]["id"], 2) << "also the last line, without its end";
}

}  // namespace
}  // namespace oppen::agent
