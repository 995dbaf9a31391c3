#include <CLI/CLI.hpp>

#include "producers/agent/live_backend.hpp"
#include "producers/agent/mcp_server.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"

namespace oppen::cli {
namespace {

int mcp(Context& context) {
  agent::LiveBackend backend(context);
  agent::McpServer server(backend, context.err);
  agent::serve_mcp(server, context.in, context.out);
  return done;
}

}  // namespace

void add_mcp(CLI::App& app, Context& context) {
  CLI::App* const command = app.add_subcommand(
      "mcp",
      "Offers the tools to an AI agent: a Model Context Protocol server on stdin and stdout.");
  command->footer(
      "Example, of a client's configuration:\n"
      "  {\"mcpServers\": {\"oppen\": {\"command\": \"oppen\", \"args\": [\"mcp\"]}}}\n"
      "It ends with its input. `oppen tool` lists the tools; none of them can approve anything.\n");
  command->callback([&context] { context.run = [&context] { return mcp(context); }; });
}

}  // namespace oppen::cli
